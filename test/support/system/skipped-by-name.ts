import type { Reporter, TestModule } from 'vitest/node';

/** Ends the run with the full name of every test that was skipped: a missing tool or sample must be seen. */
export class SkippedByName implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const names = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].map(
        (test) => `  ${module.relativeModuleId} > ${test.fullName}`,
      ),
    );
    if (names.length > 0) console.log(`\nSkipped (${names.length}):\n${names.join('\n')}\n`);
  }
}

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Packages and images are built there, which takes longest: begun last, they would be waited for alone. */
const LONGEST = '/test/deploy/';

/** The order in which test files begin. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => moduleId.includes(LONGEST);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

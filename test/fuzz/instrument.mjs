/**
 * A copy of dist/vmcore that counts its branches and notes what it compares: what a fuzzer is guided
 * by. Made with the TypeScript compiler, for the prebuilt addon of @jazzer.js 4 needs a newer libc
 * than Debian 12 has, and older versions fetch theirs from a place that a build machine may not reach.
 */
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FROM = join(ROOT, 'dist/vmcore');
/** Inside node_modules, so that the copy finds the same packages as the original. */
const TO = join(ROOT, 'node_modules/.cache/hwerr-fuzz');

const COMPARISONS = new Map([
  [ts.SyntaxKind.EqualsEqualsEqualsToken, 'eq'],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, 'ne'],
  [ts.SyntaxKind.LessThanToken, 'lt'],
  [ts.SyntaxKind.LessThanEqualsToken, 'le'],
  [ts.SyntaxKind.GreaterThanToken, 'gt'],
  [ts.SyntaxKind.GreaterThanEqualsToken, 'ge'],
]);
const LAZY = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]);

/** @returns {{ folder: string, counters: number }} where the copy is, and how many counters it has. */
export function instrumented() {
  rmSync(TO, { recursive: true, force: true });
  mkdirSync(TO, { recursive: true });
  cpSync(FROM, TO, { recursive: true, filter: (path) => !/\.(d\.ts|map)$/.test(path) });
  let counters = 0;
  for (const name of readdirSync(TO, { recursive: true })) {
    if (!name.endsWith('.js')) continue;
    const path = join(TO, name);
    const file = ts.createSourceFile(
      path,
      readFileSync(path, 'utf8'),
      ts.ScriptTarget.ES2022,
      true,
    );
    const next = () => counters++;
    const { transformed } = ts.transform(file, [
      (context) => (node) => counted(node, context, next),
    ]);
    const code = ts.createPrinter({ removeComments: true }).printFile(transformed[0]);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `const __fuzz = globalThis.__fuzz;\n${code}`);
  }
  writeFileSync(join(TO, 'package.json'), '{ "type": "module" }\n');
  return { folder: TO, counters };
}

/** The file with a counter at the start of every block and of every arm of an expression. */
function counted(file, context, next) {
  const { factory } = context;
  const hit = () =>
    factory.createPostfixIncrement(
      factory.createElementAccessExpression(
        factory.createPropertyAccessExpression(factory.createIdentifier('__fuzz'), 'hits'),
        next(),
      ),
    );
  const statement = () => factory.createExpressionStatement(hit());
  const arm = (expression) =>
    factory.createParenthesizedExpression(factory.createComma(hit(), expression));
  const visit = (node) => {
    const done = ts.visitEachChild(node, visit, context);
    if (ts.isBlock(done)) return factory.updateBlock(done, [statement(), ...done.statements]);
    if (ts.isIfStatement(done)) {
      const { expression, thenStatement, elseStatement } = done;
      const otherwise = elseStatement ?? factory.createBlock([statement()]);
      return factory.updateIfStatement(
        done,
        expression,
        blockOf(thenStatement),
        blockOf(otherwise),
      );
    }
    if (ts.isConditionalExpression(done)) {
      const { condition, questionToken, whenTrue, colonToken, whenFalse } = done;
      return factory.updateConditionalExpression(
        done,
        condition,
        questionToken,
        arm(whenTrue),
        colonToken,
        arm(whenFalse),
      );
    }
    if (ts.isCaseOrDefaultClause(done)) {
      const statements = [statement(), ...done.statements];
      return ts.isCaseClause(done)
        ? factory.updateCaseClause(done, done.expression, statements)
        : factory.updateDefaultClause(done, statements);
    }
    if (ts.isBinaryExpression(done)) return binary(done);
    return done;
  };
  const blockOf = (node) =>
    ts.isBlock(node) ? node : factory.createBlock([statement(), node], true);
  const binary = (node) => {
    const { left, operatorToken, right } = node;
    if (LAZY.has(operatorToken.kind)) {
      return factory.updateBinaryExpression(node, left, operatorToken, arm(right));
    }
    const comparison = COMPARISONS.get(operatorToken.kind);
    if (comparison === undefined) return node;
    return factory.createCallExpression(
      factory.createPropertyAccessExpression(factory.createIdentifier('__fuzz'), comparison),
      undefined,
      [left, right],
    );
  };
  return ts.visitEachChild(file, visit, context);
}

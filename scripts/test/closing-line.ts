import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";

/**
 * Runs after vitest's own reporter: lists what was skipped and why, then says how it went in one line that scripts
 * may rely on. Where skips are forbidden (TEST_FORBID_SKIPS=1) one skip fails the run.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const skipped = tests.filter((test) => test.result().state === "skipped");
    const passed = tests.filter((test) => test.result().state === "passed").length;
    // A file that can't be loaded or a hook that throws has no failed test of its own, but did fail.
    const around = modules.flatMap((module): Array<TestModule | TestSuite> => [module, ...module.children.allSuites()]);
    const failed =
      tests.filter((test) => test.result().state === "failed").length +
      around.filter((suite) => suite.errors().length > 0).length +
      unhandled.length;

    for (const [reason, cases] of groupByReason(skipped)) {
      console.log(`\nskipped: ${reason}`);
      for (const test of cases.slice(0, 20)) console.log(`  ${test.module.relativeModuleId} > ${test.fullName}`);
      if (cases.length > 20) console.log(`  … and ${cases.length - 20} more`);
    }
    if (skipped.length > 0 && process.env["TEST_FORBID_SKIPS"] === "1") {
      console.log("\nTEST_FORBID_SKIPS=1: a skipped test fails this run");
      process.exitCode = 1;
    }
    console.log(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  }
}

function groupByReason(skipped: readonly TestCase[]): Map<string, TestCase[]> {
  return Map.groupBy(skipped, (test) => {
    const result = test.result();
    return (result.state === "skipped" ? result.note : undefined) ?? "no reason given";
  });
}

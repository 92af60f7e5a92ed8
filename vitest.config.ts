import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** A file for a machine-readable report, as .ci/run asks for. */
const report = process.env.WGRAD_TEST_REPORT;

const IN_BROWSER = "test/demo/browser/*.test.ts";

/** Files that take minutes come first: the many short ones fill up the time beside them. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const long = ({ moduleId }: TestSpecification) => (moduleId.includes("/test/accuracy/") ? 0 : 1);
    return (await super.sort(files)).sort((a, b) => long(a) - long(b));
  }
}

export default defineConfig({
  resolve: {
    alias: [
      { find: /^wgrad$/, replacement: path("src/index.ts") },
      { find: /^wgrad\/(\w+)$/, replacement: path("src/$1/index.ts") },
    ],
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "all",
          include: ["test/**/*.test.ts"],
          exclude: [IN_BROWSER],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      // Afterwards, and one at a time: these watch how long a page's main thread is held up, which others would hold up.
      {
        extends: true,
        test: {
          name: "page",
          include: [IN_BROWSER],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          // A software GPU takes its time.
          expect: { poll: { timeout: 20_000 } },
        },
      },
    ],
    // A GPU driver lives in the process: threads would share it, and its crash would end them all.
    pool: "forks",
    sequence: { sequencer: LongestFirst },
    // Tests of tuning ask for it. Programs that tests start inherit this.
    env: { WGRAD_TUNE: "off" },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: report ? ["default", ["json", { outputFile: report }]] : ["default"],
  },
});

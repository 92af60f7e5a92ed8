import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** A file for a machine-readable report, as .ci/run asks for. */
const report = process.env.WGRAD_TEST_REPORT;

export default defineConfig({
  resolve: {
    alias: [
      { find: /^wgrad$/, replacement: path("src/index.ts") },
      { find: /^wgrad\/data$/, replacement: path("src/data/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // A GPU driver lives in the process: threads would share it, and its crash would end them all.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: report ? ["default", ["json", { outputFile: report }]] : ["default"],
  },
});

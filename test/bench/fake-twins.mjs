// In the place of the program of the twins: each argument before the last two says what a case does.
const fates = process.argv.slice(2, -2);
const [first, ahead] = process.argv.slice(-2).map(Number);
/** @param {object} line */
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const about = { kernel: "product", variant: "product TILE 8" };
if (fates.includes("none")) {
  process.stderr.write("Error: there is no adapter\n");
  process.exit(1);
}
tell({ adapter: "fake", kernels: ["product", "idle"], total: fates.length });
for (let index = first; index < fates.length; index += ahead) {
  const group = fates.slice(index, index + ahead);
  for (const i of group.keys()) tell({ begins: index + i, shape: `case ${index + i}`, ...about });
  if (group.includes("hang")) await new Promise((resolve) => setTimeout(resolve, 1e6));
  if (group.includes("crash")) {
    process.stderr.write("Error: the driver fell over\n");
    process.kill(process.pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 1e6));
  }
  group.forEach((fate, i) => {
    const ends = index + i;
    if (fate === "skip") tell({ ends, skipped: "no lanes" });
    else if (fate === "wrong") tell({ ends, wrong: ["result0: 2 of 3 are wrong"], largest: 0.5 });
    else if (fate === "nan") tell({ ends, wrong: ["result0: [1] is NaN"], largest: Number.NaN });
    else tell({ ends, wrong: [], largest: Number(fate) });
  });
}

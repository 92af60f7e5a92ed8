import { setFlagsFromString, getHeapSpaceStatistics } from "node:v8";
import { runInNewContext } from "node:vm";
setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");
let last: Record<string, number> = {};
export async function heapBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const m = process.memoryUsage();
  const now: Record<string, number> = { external: m.external, ab: m.arrayBuffers };
  for (const s of getHeapSpaceStatistics()) now[s.space_name] = s.space_used_size;
  console.log(Object.entries(now).map(([k, v]) => `${k}:${v - (last[k] ?? 0)}`).filter(x=>!x.endsWith(":0")).join(" "));
  last = now;
  return m.heapUsed + m.external;
}

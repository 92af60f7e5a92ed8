/** What the process around this may do and says: in Node and Deno; in a browser, nothing. */

/** The parts of `process` in use here; Deno has it too, and a bundler's stand-in for browsers lacks `versions.node`. */
interface ProcessLike {
  readonly versions?: { readonly node?: string };
  readonly platform?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export function hostProcess(): ProcessLike | undefined {
  const { process } = globalThis as { process?: ProcessLike };
  return process?.versions?.node === undefined ? undefined : process;
}

/** Whether this is Node or Deno, where there are files. */
export function hasFileSystem(): boolean {
  return hostProcess() !== undefined;
}

interface DenoLike {
  readonly permissions?: { querySync(permission: { name: string }): { readonly state: string } };
}

/** Whether this may be used without Deno asking the user at the terminal; elsewhere, nobody asks. */
export function allowed(...permissions: readonly ("env" | "read" | "write")[]): boolean {
  const deno = (globalThis as { Deno?: DenoLike }).Deno?.permissions;
  return !deno || permissions.every((name) => deno.querySync({ name }).state === "granted");
}

/** An environment variable; undefined where it is unset or empty, and where there is no environment to read. */
export function environmentVariable(name: string): string | undefined {
  try {
    return hostProcess()?.env?.[name] || undefined;
  } catch {
    return undefined; // Deno without permission to read the environment
  }
}

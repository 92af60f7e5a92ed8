/** Permissions and variables of the process in Node and Deno; a browser has neither. */

/** The part of `process` used here. Deno has it too; a bundler's stand-in for browsers lacks `versions.node`. */
interface ProcessLike {
  readonly versions?: { readonly node?: string };
  readonly platform?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export function hostProcess(): ProcessLike | undefined {
  const { process } = globalThis as { process?: ProcessLike };
  return process?.versions?.node === undefined ? undefined : process;
}

/** Whether there are files: in Node and Deno. */
export function hasFileSystem(): boolean {
  return hostProcess() !== undefined;
}

interface DenoLike {
  readonly permissions?: { querySync(permission: { name: string }): { readonly state: string } };
}

/** Whether access is granted without Deno asking the user at the terminal; other platforms never ask. */
export function allowed(...permissions: readonly ("env" | "read" | "write")[]): boolean {
  const deno = (globalThis as { Deno?: DenoLike }).Deno?.permissions;
  return !deno || permissions.every((name) => deno.querySync({ name }).state === "granted");
}

/** An environment variable; undefined where it is unset or empty, or there is no environment to read. */
export function environmentVariable(name: string): string | undefined {
  try {
    return hostProcess()?.env?.[name] || undefined;
  } catch {
    return undefined; // Deno without permission to read the environment
  }
}

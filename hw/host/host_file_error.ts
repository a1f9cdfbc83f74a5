/**
 * What went wrong with a file of the host, as one line for a person.
 *
 * It says what was attempted, on which file, and why it failed; the command line prints it and ends.
 * - Only for files that a person named; a bug of ours is an ordinary Error.
 */

export class HostFileError extends Error {
  override readonly name = "HostFileError";

  constructor(attempt: string, path: string, reason: string) {
    super(`Cannot ${attempt} "${path}": ${reason}`);
  }
}

/** Why a file operation failed, in plain words, without the host's decoration. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "not found";
  if (error instanceof Deno.errors.AlreadyExists) return "it exists already";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  return error instanceof Error ? error.message.replace(/ \(os error \d+\).*$/s, "") : String(error);
}

/**
 * A TAP interface that cannot be attached, as one line for the person who named it.
 *
 * The command line prints the message and ends with status 1.
 * - Only for what a person can put right: a name, a privilege, an interface in use.
 */

export class TapError extends Error {
  override readonly name = "TapError";

  constructor(interfaceName: string, reason: string) {
    super(`Cannot attach TAP "${interfaceName}": ${reason}`);
  }
}

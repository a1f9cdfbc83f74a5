/**
 * Type checking of programs: `deno check` as a process of its own, its findings as single lines.
 *
 * The check is the compiler's of Deno, with the options of the checkout's deno.json; nothing is
 * downloaded that the checkout does not name.
 * - Each finding becomes `file:line:column: reason (rule type)`, the form that both phases use.
 * - What it says that is no finding (no such module, a syntax error) becomes one line as well.
 */

import { fromFileUrl, relative } from "@std/path";

/** Types do not fit; the message has one line for each place. */
export class TypeCheckError extends Error {
  override readonly name = "TypeCheckError";
}

/** Findings that are shown; who made more mends these first. */
const findingsMax = 20;

/** Checks modules, given by their paths from the folder `top`; throws TypeCheckError. */
export async function checkTypes(top: string, entries: readonly string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", ...entries],
    cwd: top,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  if (success) return;
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  const findings = findingsIn(output, top);
  const left = findings.length - findingsMax;
  const more = left > 0 ? [`and ${left} more`] : [];
  throw new TypeCheckError([...findings.slice(0, findingsMax), ...more].join("\n"));
}

/** The findings in what `deno check` printed; the first line of an error when it has no findings. */
export function findingsIn(output: string, top: string): string[] {
  const findings: string[] = [];
  let reason: string | undefined;
  for (const line of output.split("\n")) {
    reason = /^(?:TS\d+ \[ERROR\]|error): (.*)$/.exec(line)?.[1] ?? reason;
    // A place that belongs to a remark below a finding is indented further.
    const place = /^ {4}at (file:\/\/\S+):(\d+):(\d+)$/.exec(line);
    if (place === null || reason === undefined) continue;
    const file = relative(top, fromFileUrl(place[1]!));
    findings.push(`${file}:${place[2]}:${place[3]}: ${withoutUrls(reason, top)} (rule type)`);
    reason = undefined;
  }
  if (findings.length > 0) return findings;
  const [first = "deno check ended without a reason"] = output.split("\n").filter((line) => line !== "");
  return [`Cannot check types: ${withoutUrls(first.replace(/^error: /, ""), top)}`];
}

/** Paths from the checkout's top in place of whole addresses. */
function withoutUrls(text: string, top: string): string {
  return text.replace(/file:\/\/[^\s"']+/g, (url) => relative(top, fromFileUrl(url)));
}

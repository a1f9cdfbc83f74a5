/**
 * Phase two of compilation: an IL becomes an image for one ISA.
 *
 * The IL is parsed, verified, and given its accounting with the costs of the ISA; whoever made it, it is
 * trusted in nothing.
 * - Throws CompileError with file, line, column and rule for a program that is refused.
 * - Same IL and costs, same image, to the byte.
 */

import { allowedNames } from "./allowed_names.ts";
import { ProgramAccounting } from "./account.ts";
import { AllocationAccounting } from "./account_allocation.ts";
import { sha256 } from "./checksum.ts";
import { CodeFlagsTable } from "./code_flags.ts";
import { CompileError, type SourcePlace } from "./compile_error.ts";
import type { CompilationTarget } from "./costs.ts";
import { CountedLoops } from "./counted_loops.ts";
import { Edits } from "./edits.ts";
import { FunctionFacts } from "./function_facts.ts";
import { type IlHeader, parseIlHeader, sourcePlace } from "./il.ts";
import type { Image } from "./image.ts";
import { keepVersions } from "./isa_versions.ts";
import { postludeText, preludeText } from "./prelude.ts";
import { Prices } from "./prices.ts";
import { SamplingPlan } from "./sampling_plan.ts";
import { StringInference } from "./string_inference.ts";
import { type ParsedModule, parseModule } from "./syntax.ts";
import { type VerifiedModule, verify } from "./verify.ts";

/** An IL that keeps all rules, with what later passes need of it. */
export interface VerifiedIl extends VerifiedModule {
  readonly header: IlHeader;
  readonly parsed: ParsedModule;
  /** The place in the sources of an offset in the IL. */
  readonly placeAt: (offset: number) => SourcePlace;
}

/** Checks an IL against the rules that hold for every ISA. */
export function verifyIl(il: string): VerifiedIl {
  const header = parseIlHeader(il);
  const placeOf = (line: number, column: number) => sourcePlace(header, line, column);
  const parsed = parseModule(il, placeOf);
  const placeAt = (offset: number) => {
    const { line, column } = parsed.source.position(offset);
    return placeOf(line, column);
  };
  return { ...verify(parsed, placeAt), header, parsed, placeAt };
}

/** Compiles an IL for a target; `ilHash` when the caller has hashed the IL already. */
export function compileIl(il: string, target: CompilationTarget, ilHash?: string): Image {
  const { header, parsed, placeAt, ...verified } = verifyIl(il);
  const module = { ...parsed, scopes: verified.scopes, nodes: verified.nodes };
  const kept = keepVersions(module, verified.isaMethods, target.isa, (offset, rule, reason) => {
    throw new CompileError(placeAt(offset), rule, reason);
  });
  const { program, scopes, nodes } = kept;
  const { text } = kept.source;
  const prices = new Prices(target, scopes, nodes);
  const facts = new FunctionFacts(nodes, scopes, prices);
  const flags = new CodeFlagsTable(nodes, (call) => {
    const callee = facts.callee(call);
    return !prices.isShortCall(call) && (callee === undefined || facts.smallPrice(callee) === undefined);
  });
  const edits = new Edits(text);
  const countedLoops = new CountedLoops(scopes, flags);
  const strings = new StringInference(scopes);
  const sampling = target.isSampled ? new SamplingPlan(program, scopes, countedLoops) : undefined;
  const input = { text, scopes, prices, facts, flags, countedLoops, strings, edits, sampling };
  new ProgramAccounting(input).program(program);
  new AllocationAccounting(edits, flags).list(program.body, program.body[0]?.start ?? 0);
  const accounted = edits.apply();
  const used = new Set(scopes.free.map(({ node }) => node.name));
  const libraryNames = [...allowedNames].filter((name) => used.has(name));
  return {
    isa: target.isa,
    ilHash: ilHash ?? sha256(new TextEncoder().encode(il)),
    il: header,
    ilHeaderLine: il.slice(0, il.indexOf("\n")),
    columns: accounted.columns,
    body: preludeText(libraryNames, target) + accounted.text + postludeText,
  };
}

/**
 * Evaluates a program's declaration and checks it, for phase one.
 *
 * The sources may be anybody's, so their code runs as a program does: verified, in a compartment, within
 * a budget; what it gives is taken apart as data.
 * - Throws CompileError under the rule `declaration` with the place of the part that is wrong; code that
 *   phase two refuses is refused under phase two's rule.
 */

import type { Contract } from "../contracts/contract.ts";
import { compileContract, ContractError } from "../contracts/monitor.ts";
import { CompileError, parsePlace, type SourcePlace } from "./compile_error.ts";
import type { CompilationTarget, OperationCosts } from "./costs.ts";
import { instantiate } from "./instantiate.ts";
import {
  type IlContract,
  type IlMetadata,
  readDevice,
  readLine,
  readList,
  readName,
  readParameter,
  readPath,
  readPrivilege,
} from "./metadata.ts";
import { compileIl } from "./phase_two.ts";
import { BudgetSpent } from "./process_limits.ts";
import { type DataPath, DataReader, formatPath, plainCopy } from "./plain_data.ts";

/** Fitted: the declarations of this tree take some thousand cycles; this takes the host a few milliseconds. */
const cyclesMax = 10_000_000;

/**
 * No machine: each operation is a cycle, and each byte, so that the budget bounds memory as well. A method
 * with one version per ISA needs an ISA all the same; declarations do not depend on it.
 */
const costs: OperationCosts = {
  ...{ integer: 1, multiply: 1, divide: 1, load: 1, store: 1, branch: 1, call: 1, allocation: 1 },
  ...{ floatingPoint: 1, floatingDivide: 1, kernelCall: 1, bulkByte: 1, collectedByte: 0 },
};
const target: CompilationTarget = { isa: "x86-k8", costs, instructions: costs, isSampled: false };

/**
 * What a program declares. `il` is a program whose main function returns the declaration; `placeOf` tells
 * where a part of it is written.
 */
export function readDeclaration(il: string, placeOf: (path: DataPath) => SourcePlace): IlMetadata {
  const refuse = (path: DataPath, reason: string): never => {
    const part = path.length === 0 ? "the declaration" : `the declaration's ${formatPath(path)}`;
    throw new CompileError(placeOf(path), "declaration", `${part} ${reason}`);
  };
  const value = plainCopy(evaluate(il, placeOf([])), refuse);
  const parts = new DataReader(value, refuse).fields(
    ["name", "doc"],
    ["endpoints", "services", "devices", "privileges", "parameters"],
  );
  return {
    name: readName(parts.name),
    doc: readLine(parts.doc),
    contracts: [
      ...readList(parts.endpoints, (part): IlContract => ({ direction: "import", ...readNames(part) })),
      ...readList(parts.services, readService),
    ],
    parameters: readList(parts.parameters, readParameter),
    devices: readList(parts.devices, readDevice),
    privileges: readList(parts.privileges, readPrivilege),
  };
}

/** Runs the program to its end, which it may not put off by a kernel call. */
function evaluate(il: string, place: SourcePlace): unknown {
  const instance = instantiate(compileIl(il, target));
  instance.setLimit(cyclesMax);
  try {
    return instance.start(undefined).next().value;
  } catch (error) {
    if (error instanceof BudgetSpent) {
      throw new CompileError(place, "declaration", `the declaration takes more than ${cyclesMax} cycles`);
    }
    const { reason, places: [first] } = instance.explain(error);
    const thrownAt = first === undefined ? undefined : parsePlace(first);
    throw new CompileError(thrownAt ?? place, "declaration", `the declaration ends in "${reason}"`);
  }
}

function readService(part: DataReader): IlContract {
  const { contract, path } = part.fields(["contract"], ["path"]);
  const names = readNames(contract);
  return { direction: "export", ...names, ...(path === undefined ? {} : { path: readPath(path) }) };
}

/** The names of a contract that a kernel would take. */
function readNames(part: DataReader): { readonly contractName: string; readonly contract: string } {
  part.fields(["name", "contractName", "messages", "start", "states"], ["base", "credits"]);
  try {
    const { name, contractName } = compileContract(part.value as Contract);
    return { contractName, contract: name };
  } catch (error) {
    // The value is plain: a TypeError means that a part is no object where one must be.
    if (!(error instanceof ContractError || error instanceof TypeError)) throw error;
    return part.refuseBecause(`is no contract: ${error.message}`);
  }
}

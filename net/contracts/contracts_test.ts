/**
 * Every contract of the network is whole: the kernel takes it, and no part of it is dead.
 *
 * Walks the tables themselves, so a contract that is added to the list is checked in full.
 */

import { assert, assertEquals } from "@std/assert";
import type { Contract } from "../../kernel/contracts/contract.ts";
import { compileContract } from "../../kernel/contracts/monitor.ts";
import { icmpContract } from "./icmp.ts";
import { ipConfigContract } from "./ip_config.ts";
import { nicDeviceContract } from "./nic_device.ts";
import { tcpConnectionContract, tcpContract } from "./tcp.ts";
import { udpContract, udpSocketContract } from "./udp.ts";

const contracts: readonly Contract[] = [
  icmpContract,
  ipConfigContract,
  nicDeviceContract,
  tcpContract,
  tcpConnectionContract,
  udpContract,
  udpSocketContract,
];

for (const contract of contracts) {
  Deno.test(`contract ${contract.name}: every state is reached, every message allowed somewhere and documented`, () => {
    compileContract(contract);
    const reached = new Set([contract.start]);
    const used = new Set<string>();
    for (const state of reached) {
      for (const [message, next] of Object.entries(contract.states[state]!)) {
        used.add(message);
        reached.add(next);
      }
    }
    assertEquals([...reached].sort(), Object.keys(contract.states).sort());
    assertEquals([...used].sort(), Object.keys(contract.messages).sort());
    for (const [message, { doc }] of Object.entries(contract.messages)) assert(doc.length > 0, message);
  });
}

Deno.test("names of the network's contracts differ, in code and in manifests", () => {
  for (const key of ["name", "contractName"] as const) {
    assertEquals(new Set(contracts.map((contract) => contract[key])).size, contracts.length);
  }
});

Deno.test("whether a datagram or its answer is under way first makes no difference to a socket", () => {
  const states: Contract["states"] = udpSocketContract.states;
  const after = (messages: readonly string[]) =>
    messages.reduce<string | undefined>((state, message) => states[state!]?.[message], "receiving");
  assertEquals(after(["received", "sendTo"]), after(["sendTo", "received"]));
});

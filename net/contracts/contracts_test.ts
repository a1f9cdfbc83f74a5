/**
 * What holds of the network's contracts beyond what holds of every contract of the tree.
 */

import { assertEquals } from "@std/assert";
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

Deno.test("names of the network's contracts differ, in code and in manifests", () => {
  for (const key of ["name", "contractName"] as const) {
    assertEquals(new Set(contracts.map((contract) => contract[key])).size, contracts.length);
  }
});

Deno.test("whether a datagram or its answer is under way first makes no difference to a socket", () => {
  const { stateNames, transitions, messages, messageOf } = compileContract(udpSocketContract);
  const after = (tags: readonly string[]) =>
    tags.reduce(
      (state, tag) => transitions[state * messages.length + messageOf.get(tag)!.index]!,
      stateNames.indexOf("receiving"),
    );
  assertEquals(after(["received", "sendTo"]), after(["sendTo", "received"]));
});

/**
 * The channel to the mail store when the store goes away and comes back.
 *
 * The store is the test's and answers one question in each life.
 */

import { assertEquals } from "@std/assert";
import type { Kernel, Program } from "../../kernel/abi/kernel.ts";
import { TestKernel } from "../../kernel/programs/testing/test_kernel.ts";
import { mailStoreContract, mailStorePath } from "../contracts/mail_store.ts";
import { replies } from "./reply.ts";
import { StoreClient } from "./store_client.ts";

function* store(kernel: Kernel): Program {
  const service = yield* kernel.register(mailStoreContract, mailStorePath);
  const client = yield* service.accept();
  yield* client.receive();
  yield* client.send("account", { exists: true });
}

Deno.test("after the store was gone a session is told so once, then binds to the new one", () => {
  const bench = new TestKernel();
  const answers: unknown[] = [];
  bench.start("MailStore", store);
  const session = bench.start("Session", function* (kernel) {
    const client = new StoreClient(kernel);
    yield* kernel.sleep(1e6);
    answers.push(yield* client.isAccount("alice"));
    yield* kernel.sleep(1e6);
    answers.push(yield* client.isAccount("alice"));
    bench.start("MailStore", store);
    yield* kernel.sleep(1e6);
    answers.push(yield* client.isAccount("alice"));
    yield* kernel.sleep(1e6);
    answers.push(yield* client.save(["alice"], yield* kernel.allocate(1)));
  });
  bench.run(() => session.status !== undefined, 60e9);
  assertEquals(session.fault, "");
  assertEquals(answers, [true, undefined, true, replies.storeUnavailable]);
});

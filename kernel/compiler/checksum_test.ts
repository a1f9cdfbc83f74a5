/**
 * Checksums: against the published check values.
 *
 * CRC-32's is that of the catalogue of parametrised CRC algorithms, SHA-256's are those of FIPS 180-4.
 */

import { assertEquals } from "@std/assert";
import { crc32, sha256 } from "./checksum.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("the CRC-32 of 123456789 is CBF43926", () => {
  assertEquals(crc32(bytes("123456789")), 0xCBF43926);
  assertEquals(crc32(bytes("")), 0);
});

Deno.test("SHA-256 gives the published digests for messages of no, one and several blocks", () => {
  assertEquals(sha256(bytes("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assertEquals(sha256(bytes("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assertEquals(
    sha256(bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  );
  assertEquals(
    sha256(bytes("a".repeat(1_000_000))),
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
  );
});

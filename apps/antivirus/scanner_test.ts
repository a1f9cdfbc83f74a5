/**
 * The scanning engine on mail as people send it, and as people who hide something do.
 *
 * The test string is hidden with the host's own encoders.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Call } from "../../kernel/abi/kernel.ts";
import { nestsTooDeep } from "./mime_walk.ts";
import { pieceBytes } from "./pauses.ts";
import { Scanner } from "./scanner.ts";
import { builtInSignatures, eicarTestString } from "./signature.ts";
import { decoderFor } from "./transfer_decoding.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
let pauseCount = 0;
function* rest(): Call<void> {}
const scanner = new Scanner(builtInSignatures(), () => {
  pauseCount++;
  return rest();
});

function check(message: string | Uint8Array): string | undefined {
  pauseCount = 0;
  const { done, value } = scanner.check(typeof message === "string" ? bytes(message) : message).next();
  assert(done);
  return value;
}

const eicar = eicarTestString();
const virus = "Eicar-Test-Signature";

function base64(text: string): string {
  return (btoa(text).match(/.{1,76}/g) ?? []).join("\r\n");
}

/** A message of several parts, each a header and a content. */
function multipart(boundary: string, ...parts: string[]): string {
  return [
    "From: someone@example.org",
    `Content-Type: multipart/mixed; charset=us-ascii;\r\n\tboundary="${boundary}"`,
    "",
    "This is a message in MIME format.",
    ...parts.flatMap((part) => [`--${boundary}`, part]),
    `--${boundary}--`,
    "",
  ].join("\r\n");
}

const textPart = "Content-Type: text/plain\r\n\r\nHello.\r\n";
const attachment = (encoding: string, content: string) =>
  `Content-Type: application/octet-stream; name=a.com\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${content}`;

Deno.test("the EICAR test string has 68 characters and is found by its name", () => {
  assertEquals(eicar.length, 68);
  assertEquals(check(`Subject: hi\r\n\r\n${eicar}\r\n`), virus);
});

Deno.test("a message without anything known is clean, and so is a test string with one byte changed", () => {
  assertEquals(check("Subject: hi\r\n\r\nHello.\r\n"), undefined);
  assertEquals(check(`\r\n${eicar.replace("EICAR", "EICAS")}`), undefined);
  assertEquals(check(""), undefined);
});

Deno.test("an attachment in base64 is looked into", () => {
  assertEquals(check(multipart("=_x", textPart, attachment("base64", base64(eicar)))), virus);
  assertEquals(check(multipart("=_x", textPart, attachment("base64", base64("harmless")))), undefined);
});

Deno.test("an attachment in quoted-printable is looked into, soft line breaks and all", () => {
  const hidden = eicar.replaceAll("$", "=24").replace("STANDARD", "STAN=\r\nDARD");
  assertEquals(check(multipart("b", attachment("quoted-printable", hidden))), virus);
  assertEquals(check(multipart("b", attachment("7bit", hidden))), undefined);
});

Deno.test("a message that is one encoded part as a whole is looked into", () => {
  assertEquals(check(`Content-Transfer-Encoding:\r\n BASE64 (as ever)\r\n\r\n${base64(eicar)}`), virus);
});

Deno.test("a virus is found in a part of a part of an attached message", () => {
  const inner = multipart("inner", textPart, attachment("base64", base64(eicar)));
  const attached = `Content-Type: message/rfc822\r\n\r\n${inner}`;
  assertEquals(check(multipart("outer", textPart, attached)), virus);
  assertEquals(check(multipart("outer", multipart("middle", attached))), virus);
});

Deno.test("an attached message that is itself encoded is walked after decoding", () => {
  const inner = multipart("inner", attachment("base64", base64(eicar)));
  const attached = `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n${
    base64(inner)
  }`;
  assertEquals(check(multipart("outer", attached)), virus);
});

Deno.test("a message that was cut off before its last delimiter is looked into", () => {
  const whole = multipart("b", attachment("base64", base64(eicar)));
  assertEquals(check(whole.slice(0, whole.lastIndexOf("--b--"))), virus);
});

Deno.test("bare line feeds and odd header spelling hide nothing", () => {
  const odd = multipart("b c", attachment("Base64", base64(eicar)))
    .replace("Content-Type: multipart/mixed", "CONTENT-TYPE:MultiPart/Mixed");
  assertEquals(check(odd.replaceAll("\r\n", "\n")), virus);
});

Deno.test("a boundary without quotes is understood", () => {
  const message = multipart("abc", attachment("base64", base64(eicar)));
  assertEquals(check(message.replace('"abc"', "abc; x=y")), virus);
});

Deno.test("a message that nests deeper than 32 levels is not let pass", () => {
  const nested = (levels: number): string => {
    const openings = Array.from(
      { length: levels },
      (_, level) => `Content-Type: multipart/mixed; boundary=<${level}>\r\n\r\n--<${level}>\r\n`,
    );
    return openings.join("") + textPart;
  };
  assertEquals(check(nested(32)), undefined);
  assertEquals(check(nested(33)), nestsTooDeep);
});

Deno.test("any bytes at all are scanned without failing", () => {
  const pieces = fc.constantFrom(
    ...["Content-Type: multipart/a; boundary=b\r\n", "Content-Transfer-Encoding: base64\n", "--b", "--b--"],
    ...["\r\n", "\n", "\r", "=", " ", "message/rfc822", "Content-Type: ", '"', "boundary=", "QUJD"],
  );
  fc.assert(fc.property(fc.array(fc.oneof(pieces, fc.string({ maxLength: 8 }))), (parts) => {
    check(parts.join(""));
  }));
});

Deno.test("a message of megabytes is checked with a pause after each 64 KiB that were worked on", () => {
  const size = 3 << 20;
  const hidden = base64("x".repeat(size) + eicar);
  for (const content of [attachment("base64", hidden), `\r\n${`${"x".repeat(70)}\r\n`.repeat(size / 72)}`]) {
    const message = multipart("b", textPart, content);
    const isBase64 = content.includes("base64");
    assertEquals(check(message), isBase64 ? virus : undefined);
    // Once as it is and once line by line; base64 also while it is decoded, and then decoded.
    const worked = message.length * (isBase64 ? 3 : 2) + (isBase64 ? size : 0);
    const expected = worked / pieceBytes;
    assert(pauseCount > expected * 0.95 && pauseCount < expected * 1.05, `${pauseCount} pauses`);
  }
});

Deno.test("a header of megabytes, in one field or in many, is read with pauses", () => {
  for (const line of ["X: y\r\n", " folded\r\n"]) {
    const message = `Subject: x\r\n${line.repeat(500_000)}\r\n`;
    assertEquals(check(message), undefined);
    assert(pauseCount > 1.9 * message.length / pieceBytes, `${pauseCount} pauses`);
  }
});

Deno.test("an encoded virus is found wherever the end of a piece cuts it", () => {
  const codings = {
    base64: base64(eicar),
    "quoted-printable": [...bytes(eicar)].map((byte) => `=${byte.toString(16)}`).join(""),
  };
  for (const [encoding, encoded] of Object.entries(codings)) {
    const header = attachment(encoding, "");
    for (let before = encoded.length; before >= 0; before--) {
      const filling = " ".repeat(pieceBytes - before);
      const found = check(
        `${header}${encoding === "base64" ? filling : filling.replaceAll(" ", "x")}${encoded}`,
      );
      assertEquals(found, virus, `${before} characters of ${encoding} in the first piece`);
    }
  }
});

function decoded(
  encoding: "base64" | "quoted-printable",
  text: Uint8Array,
  pieceSize = text.length,
): Uint8Array {
  const decoder = decoderFor(encoding, text.length)!;
  for (let start = 0; start < text.length;) {
    start = decoder.decode(text, start, Math.min(start + pieceSize, text.length));
  }
  return decoder.decoded;
}

Deno.test("base64 decodes what the host encodes, with line breaks and rubbish between", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 76 }), (data, width) => {
    const encoded = btoa(String.fromCharCode(...data));
    const broken = encoded.replace(new RegExp(`.{${width}}`, "g"), "$&\r\n*");
    assertEquals(decoded("base64", bytes(broken)), data);
  }));
});

Deno.test("base64 that goes on after padding goes on with a new group", () => {
  assertEquals(decoded("base64", bytes("QQ==QkM=")), bytes("ABC"));
});

Deno.test("quoted-printable decodes escapes and soft breaks and keeps what is no escape", () => {
  assertEquals(decoded("quoted-printable", bytes("a=3Db=3d=\r\nc= \t\nd=ZZ=")), bytes("a=b=cd=ZZ="));
});

Deno.test("what is decoded does not depend on the pieces", () => {
  const text = fc.array(fc.constantFrom(..."Qk0a/=\r\n\t *x"), { maxLength: 60 }).map((characters) =>
    bytes(characters.join(""))
  );
  fc.assert(fc.property(text, fc.integer({ min: 1, max: 9 }), (text, pieceSize) => {
    for (const encoding of ["base64", "quoted-printable"] as const) {
      assertEquals(decoded(encoding, text, pieceSize), decoded(encoding, text));
    }
  }));
});

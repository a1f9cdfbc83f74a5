/**
 * Erlang's round trips, for comparison: an `erl` with one scheduler that makes as many as it is told on each line.
 *
 * Debian's `erlang-base` has all that is needed. The two processes and what they send are those of echo_programs.ts.
 * - The module is compiled, because the shell interprets funs.
 * - It ends when its input does, and so with the host process that started it.
 */

/** Each line is a number of round trips; the answer is the nanoseconds that all of them took. */
const module = `-module(echo_peer).
-export([main/0]).
echo() -> receive {From, ask, Value} -> From ! {answer, Value}, echo(); stop -> ok end.
ask(_, 0) -> ok;
ask(Peer, N) -> Peer ! {self(), ask, N}, receive {answer, _} -> ok end, ask(Peer, N - 1).
main() -> Peer = spawn(fun echo/0), ask(Peer, 1000), serve(Peer).
serve(Peer) ->
  case io:get_line("") of
    eof -> halt();
    Line ->
      N = list_to_integer(string:trim(Line)), Start = erlang:monotonic_time(nanosecond), ask(Peer, N),
      io:format("~p~n", [erlang:monotonic_time(nanosecond) - Start]), serve(Peer)
  end.
`;

export class Erlang {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;

  private constructor(folder: string) {
    this.#process = new Deno.Command("erl", {
      args: ["+S", "1", "-noshell", "-pa", folder, "-s", "echo_peer", "main"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Undefined where there is no Erlang. */
  static async start(): Promise<Erlang | undefined> {
    const folder = Deno.makeTempDirSync();
    try {
      Deno.writeTextFileSync(`${folder}/echo_peer.erl`, module);
      const compiled = await new Deno.Command("erlc", {
        args: ["-o", folder, `${folder}/echo_peer.erl`],
      }).output();
      if (!compiled.success) throw new Error(new TextDecoder().decode(compiled.stdout));
      const erlang = new Erlang(folder);
      await erlang.roundTrips(1);
      return erlang;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }

  /** Makes so many; gives the nanoseconds that each took. */
  async roundTrips(count: number): Promise<number> {
    await this.#writer.write(new TextEncoder().encode(`${count}\n`));
    let line = "";
    while (!line.endsWith("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`Erlang ended after "${line}"`);
      line += value;
    }
    return Number(line) / count;
  }

  async stop(): Promise<void> {
    await this.#writer.close();
    await this.#process.status;
  }
}

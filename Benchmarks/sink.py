"""An endpoint for webhooks that answers 200 to everything. Prints its port."""

import asyncio


class Sink(asyncio.Protocol):
    """Takes requests with a Content-Length, one after the other."""

    def connection_made(self, transport):
        self.transport, self.bytes = transport, b""

    def data_received(self, data):
        self.bytes += data
        while True:
            head, found, rest = self.bytes.partition(b"\r\n\r\n")
            if not found:
                return
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), 0)
            if len(rest) < length:
                return
            self.bytes = rest[length:]
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def main():
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())

using Amqp;

namespace Ingest.Sources.Amqp;

/// <summary>
/// A transport that reads from the network in pieces of up to 64 KB. The library asks for the length and the rest of every frame
/// separately: without a buffer that is two receive calls an event.
/// </summary>
internal sealed class BufferedTransport(IAsyncTransport inner) : IAsyncTransport
{
    private const int BufferSize = 64 * 1024;

    // The answers to small reads, which are nearly all of them, so that a read from the buffer allocates nothing.
    private static readonly Task<int>[] Counts = [.. Enumerable.Range(0, 1024).Select(Task.FromResult)];

    private readonly byte[] _buffer = new byte[BufferSize];
    private int _start;
    private int _end;

    public void SetConnection(Connection connection) => inner.SetConnection(connection);

    public Task SendAsync(IList<ByteBuffer> bufferList, int listSize) => inner.SendAsync(bufferList, listSize);

    public void Send(ByteBuffer buffer) => inner.Send(buffer);

    public int Receive(byte[] buffer, int offset, int count) =>
        _start < _end ? Take(buffer, offset, count) : inner.Receive(buffer, offset, count);

    public Task<int> ReceiveAsync(byte[] buffer, int offset, int count)
    {
        if (_start < _end)
        {
            var taken = Take(buffer, offset, count);
            return taken < Counts.Length ? Counts[taken] : Task.FromResult(taken);
        }

        return count >= BufferSize ? inner.ReceiveAsync(buffer, offset, count) : FillAsync(buffer, offset, count);
    }

    public void Close() => inner.Close();

    private async Task<int> FillAsync(byte[] buffer, int offset, int count)
    {
        _start = 0;
        _end = await inner.ReceiveAsync(_buffer, 0, BufferSize).ConfigureAwait(false);
        return Take(buffer, offset, count);
    }

    private int Take(byte[] buffer, int offset, int count)
    {
        var taken = Math.Min(count, _end - _start);
        Buffer.BlockCopy(_buffer, _start, buffer, offset, taken);
        _start += taken;
        return taken;
    }
}

using System.Buffers.Binary;
using Ingest.TestSupport.Network;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>Sends damaged AMQP to a hub's port, each input on a connection of its own. Every connection must end, and honest clients be served.</summary>
public sealed class AmqpPortFuzzer(int port, int seed)
{
    private const int LookEvery = 1_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>The header of AMQP without SASL.</summary>
    public static byte[] Plain { get; } = [(byte)'A', (byte)'M', (byte)'Q', (byte)'P', 0, 1, 0, 0];

    /// <summary>A connection, a session and a sender to the hub <c>telemetry</c>, all at once.</summary>
    public static byte[] Attached { get; } =
    [
        .. Plain,
        .. Frame([0x00, 0x53, 0x10, 0xc0, 0x04, 0x01, 0xa1, 0x01, (byte)'x']),
        .. Frame([0x00, 0x53, 0x11, 0xc0, 0x0a, 0x04, 0x40, 0x43, 0x70, 0x7f, 0xff, 0xff, 0xff, 0x52, 0x64]),
        .. Frame(Attach("telemetry"u8)),
    ];

    public static byte[] Close { get; } = Frame([0x00, 0x53, 0x18, 0x45]);

    public long Inputs { get; private set; }

    /// <summary>A frame on channel 0.</summary>
    public static byte[] Frame(ReadOnlySpan<byte> body)
    {
        var frame = new byte[8 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length);
        frame[4] = 2;
        body.CopyTo(frame.AsSpan(8));
        return frame;
    }

    /// <summary>A transfer on handle 0.</summary>
    public static byte[] Transfer(bool more, ReadOnlySpan<byte> payload) =>
        Frame([0x00, 0x53, 0x14, 0xc0, 0x09, 0x06, 0x43, 0x43, 0xa0, 0x01, 0x00, 0x43, 0x41, more ? (byte)0x41 : (byte)0x42, .. payload]);

    /// <summary>Sends <paramref name="inputs"/> more.</summary>
    /// <param name="inputs">How many.</param>
    /// <param name="serves">Whether an honest client is served.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null, or what went wrong, with the input, in base64, where it is known.</returns>
    public async Task<string?> RunAsync(long inputs, Func<Task<bool>> serves, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(serves);
        for (var end = Inputs + inputs; Inputs < end;)
        {
            var count = (int)Math.Min(LookEvery, end - Inputs);
            string? failure = null;
            await Parallel.ForEachAsync(
                Enumerable.Range(0, count),
                new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken },
                async (i, token) => failure = await SendAsync(Inputs + i, token) ?? failure);
            Inputs += count;
            failure ??= await serves() ? null : $"seed {seed}: before input {Inputs} an honest client was not served any more";
            if (failure is not null)
            {
                return failure;
            }
        }

        return null;
    }

    private static byte[] Attach(ReadOnlySpan<byte> address)
    {
        byte[] target = [0x00, 0x53, 0x29, 0xc0, (byte)(address.Length + 3), 0x01, 0xa1, (byte)address.Length, .. address];
        byte[] fields = [0xa1, 0x01, (byte)'l', 0x43, 0x42, 0x50, 0x02, 0x50, 0x00, 0x00, 0x53, 0x28, 0x45, .. target, 0x40, 0x40, 0x43];
        return [0x00, 0x53, 0x12, 0xc0, (byte)(fields.Length + 1), 0x0a, .. fields];
    }

    private async Task<string?> SendAsync(long number, CancellationToken cancellationToken)
    {
        var input = Input(new Random(unchecked((int)((seed * 1_000_003L) + number))));
        return await RawConnection.SendAsync(port, input, Patience, cancellationToken) is null
            ? $"seed {seed}, input {number}: a connection was not ended after {Convert.ToBase64String(input)}"
            : null;
    }

    private static byte[] Input(Random random)
    {
        if (random.Next(10) == 0)
        {
            return Bytes(random, random.Next(200));
        }

        List<byte> input = [.. random.Next(4) == 0 ? Plain : Attached];
        for (var frames = random.Next(4); frames > 0; frames--)
        {
            input.AddRange(random.Next(3) switch
            {
                0 => Transfer(random.Next(2) == 0, Bytes(random, random.Next(60))),
                1 => Frame([0x00, 0x53, (byte)random.Next(0x10, 0x19), .. Bytes(random, random.Next(30))]),
                _ => Frame([0x00, 0x53, (byte)random.Next(0x10, 0x19), 0xc0, (byte)random.Next(20), (byte)random.Next(12), .. Bytes(random, random.Next(20))]),
            });
        }

        var bytes = input.ToArray();
        for (var times = random.Next(4); times > 0 && bytes.Length > 8; times--)
        {
            var at = random.Next(8, bytes.Length);
            bytes = random.Next(4) switch
            {
                0 => bytes[..at],
                1 => [.. bytes[..at], .. Bytes(random, random.Next(16)), .. bytes[at..]],
                _ => Changed(bytes, at, (byte)random.Next(256)),
            };
        }

        return bytes;
    }

    private static byte[] Changed(byte[] bytes, int at, byte value)
    {
        bytes[at] = value;
        return bytes;
    }

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}

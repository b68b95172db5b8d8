using System.Net.Sockets;
using Amqp;
using Amqp.Sasl;
using Amqp.Types;

namespace Ingest.LocalHub.Protocol;

/// <summary>How a connection begins: protocol headers, and SASL where the client asks for it (AMQP 1.0, parts 2.2 and 5.3).</summary>
internal static class Handshake
{
    private const byte PlainProtocol = 0;
    private const byte SaslProtocol = 3;

    /// <exception cref="AmqpException">The client speaks another protocol.</exception>
    /// <exception cref="OperationCanceledException">The client closed the connection.</exception>
    public static async Task RunAsync(Socket socket, FrameReader reader, FrameWriter writer, CancellationToken cancellationToken)
    {
        // Every step waits for the peer's: some clients lose what comes in the same read as the outcome of SASL.
        var protocol = await ReadProtocolHeaderAsync(reader, cancellationToken);
        if (protocol == SaslProtocol)
        {
            writer.ProtocolHeader(SaslProtocol);
            var mechanisms = new SaslMechanisms
            {
                SaslServerMechanisms = [new Symbol("ANONYMOUS"), new Symbol("MSSBCBS"), new Symbol("PLAIN"), new Symbol("EXTERNAL")],
            };
            writer.Performative(0, mechanisms, FrameType.Sasl);
            await writer.FlushAsync(socket, cancellationToken);
            await ReadSaslInitAsync(reader, cancellationToken);
            writer.Performative(0, new SaslOutcome { Code = SaslCode.Ok }, FrameType.Sasl);
            await writer.FlushAsync(socket, cancellationToken);
            protocol = await ReadProtocolHeaderAsync(reader, cancellationToken);
        }

        if (protocol != PlainProtocol)
        {
            throw new AmqpException(ErrorCode.NotImplemented, $"Protocol {protocol} is not spoken here.");
        }

        writer.ProtocolHeader(PlainProtocol);
        await writer.FlushAsync(socket, cancellationToken);
    }

    private static async Task<byte> ReadProtocolHeaderAsync(FrameReader reader, CancellationToken cancellationToken)
    {
        byte protocol;
        while (!reader.TryTakeProtocolHeader(out protocol))
        {
            await ReceiveOrEndAsync(reader, cancellationToken);
        }

        return protocol;
    }

    private static async Task ReadSaslInitAsync(FrameReader reader, CancellationToken cancellationToken)
    {
        DescribedList? performative;
        while (!reader.TryTake(out _, out performative, out _))
        {
            await ReceiveOrEndAsync(reader, cancellationToken);
        }

        if (performative is not SaslInit)
        {
            throw new AmqpException(ErrorCode.NotAllowed, "SASL starts with sasl-init.");
        }
    }

    private static async Task ReceiveOrEndAsync(FrameReader reader, CancellationToken cancellationToken)
    {
        if (!await reader.ReceiveAsync(cancellationToken))
        {
            throw new OperationCanceledException("The peer closed the connection.");
        }
    }
}

using System.Buffers.Binary;
using Amqp;

namespace Ingest.LocalHub.Protocol;

/// <summary>
/// Looks at encoded AMQP before the codec does, which recurses without a limit and allocates what a count promises: one frame would exhaust
/// the stack, and with it the process.
/// </summary>
internal ref struct Nesting
{
    private const int Deepest = 64;

    private readonly ReadOnlySpan<byte> _bytes;
    private int _at;

    private Nesting(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Checks the first value; what follows it is not looked at.</summary>
    /// <exception cref="AmqpException">It is nested too deeply, or claims more elements than it has bytes.</exception>
    public static void CheckValue(ReadOnlySpan<byte> bytes) => new Nesting(bytes).Value(0);

    /// <summary>Checks all values, one after the other.</summary>
    /// <exception cref="AmqpException">One is nested too deeply, or claims more elements than it has bytes.</exception>
    public static void Check(ReadOnlySpan<byte> bytes)
    {
        var all = new Nesting(bytes);
        while (all._at < bytes.Length)
        {
            all.Value(0);
        }
    }

    private void Value(int depth) => Body(Constructor(depth), depth);

    /// <summary>A format code, behind the descriptors that it may have.</summary>
    private byte Constructor(int depth)
    {
        if (depth > Deepest)
        {
            throw new AmqpException(ErrorCode.DecodeError, $"Values are nested deeper than {Deepest} levels.");
        }

        var code = Next();
        if (code != 0)
        {
            return code;
        }

        Value(depth + 1);
        return Constructor(depth + 1);
    }

    private void Body(byte code, int depth)
    {
        switch (code >> 4)
        {
            case 0x4:
                break;
            case 0x5:
                Skip(1);
                break;
            case 0x6:
                Skip(2);
                break;
            case 0x7:
                Skip(4);
                break;
            case 0x8:
                Skip(8);
                break;
            case 0x9:
                Skip(16);
                break;
            case 0xa:
                Skip(Next());
                break;
            case 0xb:
                Skip(Long());
                break;
            case 0xc or 0xd:
                for (var left = Count(isLong: code >> 4 == 0xd); left > 0; left--)
                {
                    Value(depth + 1);
                }

                break;
            case 0xe or 0xf:
                var elements = Count(isLong: code >> 4 == 0xf);
                var constructor = Constructor(depth + 1);
                for (; elements > 0; elements--)
                {
                    Body(constructor, depth + 1);
                }

                break;
            default:
                throw new AmqpException(ErrorCode.DecodeError, $"0x{code:x2} is no format code.");
        }
    }

    private long Count(bool isLong)
    {
        Skip(isLong ? 4 : 1);
        var count = isLong ? Long() : Next();
        return count <= _bytes.Length - _at ? count : throw new AmqpException(
            ErrorCode.DecodeError, $"A value claims {count} elements, and there are not so many bytes.");
    }

    private byte Next() => _at < _bytes.Length ? _bytes[_at++] : throw Ends();

    private long Long()
    {
        var at = _at;
        Skip(4);
        return BinaryPrimitives.ReadUInt32BigEndian(_bytes[at..]);
    }

    private void Skip(long length)
    {
        if (length > _bytes.Length - _at)
        {
            throw Ends();
        }

        _at += (int)length;
    }

    private static AmqpException Ends() => new(ErrorCode.DecodeError, "A value ends too early.");
}

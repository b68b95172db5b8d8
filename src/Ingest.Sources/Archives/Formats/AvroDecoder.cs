using System.Buffers.Binary;
using System.Text;

namespace Ingest.Sources.Archives.Formats;

/// <summary>
/// Reads the values in a block. No length is believed before the block has been seen to hold it, so that a damaged one takes neither time
/// nor memory.
/// </summary>
internal ref struct AvroDecoder(ReadOnlySpan<byte> block, SharedNames names)
{
    // A type may hold itself, and then a value may nest as deep as its bytes say.
    private const int DeepestValue = 64;

    private readonly ReadOnlySpan<byte> _block = block;
    private readonly SharedNames _names = names;
    private int _depth;

    /// <summary>How many bytes are read.</summary>
    public int Position { get; private set; }

    private readonly int Left => _block.Length - Position;

    /// <summary>An int or long.</summary>
    public long Long() => Varint.TryRead(_block[Position..], out var value, out var length)
        ? Advance(value, length)
        : throw Damaged("a number does not end");

    /// <summary>Where bytes or text begin in the block, and how many they are.</summary>
    public (int Start, int Length) Bytes()
    {
        var length = Length(Long(), "bytes");
        return Advance((Position, length), length);
    }

    /// <summary>Text that repeats: a name, a device.</summary>
    public string Name() => _names.Of(Span());

    /// <summary>A time as text or a number; see <see cref="ArchivedTime"/>.</summary>
    public object? Time(AvroType declared)
    {
        var type = Branch(declared);
        return type.Kind == AvroKind.String ? ArchivedTime.Of(Span()) : Value(type);
    }

    /// <summary>The branch of a union that follows; any other type is its own.</summary>
    public AvroType Branch(AvroType type)
    {
        if (type.Kind != AvroKind.Union)
        {
            return type;
        }

        var index = Long();
        return index >= 0 && index < type.Types.Count
            ? type.Types[(int)index]
            : throw Damaged($"branch {index} of a union that has {type.Types.Count}");
    }

    /// <summary>How many entries the next part of a map or array has; 0 ends it.</summary>
    public int Entries()
    {
        var count = Long();
        if (count < 0)
        {
            // Its bytes follow, for those who skip it.
            Long();
            count = -Math.Max(count, -long.MaxValue);
        }

        // An entry has a byte at least: nobody writes arrays of nothing.
        return Length(count, "entries");
    }

    /// <summary>A simple value as its CLR type, bytes copied; null for any other, which is skipped.</summary>
    /// <param name="declared">Its type.</param>
    /// <param name="repeats">Whether its text repeats from message to message.</param>
    public object? Value(AvroType declared, bool repeats = false)
    {
        var type = Branch(declared);
        switch (type.Kind)
        {
            case AvroKind.Boolean:
                return Byte() != 0;
            case AvroKind.Int or AvroKind.Long:
                return Long();
            case AvroKind.Float:
                return BinaryPrimitives.ReadSingleLittleEndian(Take(sizeof(float)));
            case AvroKind.Double:
                return BinaryPrimitives.ReadDoubleLittleEndian(Take(sizeof(double)));
            case AvroKind.String:
                return repeats ? Name() : Encoding.UTF8.GetString(Span());
            case AvroKind.Bytes:
                return Span().ToArray();
            default:
                Skip(type);
                return null;
        }
    }

    public void Skip(AvroType declared)
    {
        if (++_depth > DeepestValue)
        {
            throw Damaged($"a value nested over {DeepestValue} levels");
        }

        var type = Branch(declared);
        switch (type.Kind)
        {
            case AvroKind.Null:
                break;
            case AvroKind.Boolean:
                Take(1);
                break;
            case AvroKind.Int or AvroKind.Long or AvroKind.Enum:
                Long();
                break;
            case AvroKind.Float:
                Take(sizeof(float));
                break;
            case AvroKind.Double:
                Take(sizeof(double));
                break;
            case AvroKind.String or AvroKind.Bytes:
                Bytes();
                break;
            case AvroKind.Fixed:
                Take(Length(type.Size, "bytes"));
                break;
            case AvroKind.Array or AvroKind.Map:
                SkipEntries(type);
                break;
            case AvroKind.Union:
                Skip(type);
                break;
            case AvroKind.Record:
                foreach (var field in type.Types)
                {
                    Skip(field);
                }

                break;
        }

        _depth--;
    }

    private void SkipEntries(AvroType type)
    {
        for (var entries = Entries(); entries > 0; entries = Entries())
        {
            for (; entries > 0; entries--)
            {
                if (type.Kind == AvroKind.Map)
                {
                    Bytes();
                }

                var before = Position;
                Skip(type.Types[0]);
                if (Position == before && type.Kind == AvroKind.Array)
                {
                    throw Damaged("an array of values without bytes");
                }
            }
        }
    }

    private ReadOnlySpan<byte> Span()
    {
        var (start, length) = Bytes();
        return _block.Slice(start, length);
    }

    private byte Byte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(int count)
    {
        var taken = _block.Slice(Position, Length(count, "bytes"));
        Position += count;
        return taken;
    }

    private readonly int Length(long length, string what) => length >= 0 && length <= Left
        ? (int)length
        : throw Damaged($"{length} {what} where {Left} bytes are left in its block");

    private T Advance<T>(T value, int length)
    {
        Position += length;
        return value;
    }

    private static UnreadableFileException Damaged(string what) => new(what);
}

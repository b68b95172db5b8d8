using System.Text.Json;
using Ingest.Columns.Types;

namespace Ingest.Decode;

/// <summary>
/// Walks through a reading, once and from front to back, along the mapped paths: what stands at one is taken, the rest is passed over.
/// Without recursion where nothing is mapped, so that nesting cannot exhaust the stack. Not thread-safe.
/// </summary>
internal sealed class ReadingWalker(TelemetryMapping mapping, ReadingValues values, DeviceRule device, ValueScratch scratch)
{
    /// <summary>Most levels of nesting, counted from the body's outermost bracket.</summary>
    public const int DeepestNesting = 64;

    // By body path: the reading in which it was last met.
    private readonly long[] _met = new long[mapping.Root.Size];
    private long _reading;

    /// <summary>Whether the reading, as far as it was walked through, is nested too deep.</summary>
    public bool IsTooDeep { get; private set; }

    /// <summary>Begins a reading, or a message that may hold none.</summary>
    public void Begin()
    {
        _reading++;
        IsTooDeep = false;
    }

    /// <summary>Walks through the object that the reader stands before, and takes what is mapped.</summary>
    public void Walk(ref Utf8JsonReader reader, ReadOnlySpan<byte> body) => WalkObject(ref reader, body, mapping.Root);

    /// <summary>Passes over the value that the reader stands before.</summary>
    public void Skip(ref Utf8JsonReader reader)
    {
        if (reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
        {
            return;
        }

        NoteDepth(ref reader);
        var depth = reader.CurrentDepth;
        while (reader.Read() && !(reader.CurrentDepth == depth && reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray))
        {
            if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            {
                NoteDepth(ref reader);
            }
        }
    }

    private void WalkObject(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, BodyPath path)
    {
        NoteDepth(ref reader);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var child = path.Child(Name(ref reader));
            reader.Read();
            if (child is null)
            {
                Skip(ref reader);
            }
            else
            {
                WalkValue(ref reader, body, child);
            }
        }
    }

    private ReadOnlySpan<byte> Name(ref Utf8JsonReader reader) =>
        !reader.ValueIsEscaped ? reader.ValueSpan
        : scratch.TryUnescape(reader.ValueSpan, out var name) ? name
        : [];

    private void WalkValue(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, BodyPath path)
    {
        var start = (int)reader.TokenStartIndex;
        var token = reader.TokenType;
        var isPath = token == JsonTokenType.StartObject && path.Children.Length > 0;
        if (path.Children.Length > 0)
        {
            Forget(path);
        }

        var left = false;
        foreach (var columnIndex in path.ColumnIndexes)
        {
            left |= !values.Take(ref reader, columnIndex);
        }

        if (path.IsDevice)
        {
            device.Take(ref reader, start, isPath);
        }

        if (isPath)
        {
            WalkObject(ref reader, body, path);
        }
        else
        {
            Skip(ref reader);
        }

        var length = (int)reader.BytesConsumed - start;
        if (left)
        {
            foreach (var columnIndex in path.ColumnIndexes)
            {
                values.TakeWhole(token, body, start, length, columnIndex);
            }
        }

        if (!isPath)
        {
            foreach (var columnIndex in path.IndexesBelow)
            {
                if (token == JsonTokenType.Null)
                {
                    values.Note(columnIndex);
                }
                else
                {
                    values.RefusePath(columnIndex, path.Path, body.Slice(start, length));
                }
            }
        }
    }

    // A name met again takes everything below it along: {"a":{"b":1},"a":{}} has no a.b.
    private void Forget(BodyPath path)
    {
        if (_met[path.Id] == _reading)
        {
            foreach (var columnIndex in path.IndexesBelow)
            {
                values.Clear(columnIndex);
            }
        }

        _met[path.Id] = _reading;
    }

    // At an opening bracket the reader's depth is that of the brackets around it.
    private void NoteDepth(ref Utf8JsonReader reader) => IsTooDeep |= reader.CurrentDepth >= DeepestNesting;
}

using System.Text.Json;
using Ingest.Columns.Types;
using Ingest.Decode.Places;

namespace Ingest.Decode;

/// <summary>
/// Walks through a reading, once and from front to back, along the mapped paths: what stands at one is taken, the rest is passed over.
/// Without recursion where nothing is mapped, so that nesting cannot exhaust the stack. Not thread-safe.
/// </summary>
internal sealed class ReadingWalker(TelemetryMapping mapping, ReadingValues values, DeviceRule device, TimeRule time, ValueScratch scratch)
{
    /// <summary>Most levels of nesting, counted from the body's outermost bracket.</summary>
    public const int DeepestNesting = 64;

    // By body path: the reading in which it was last met.
    private readonly long[] _met = new long[mapping.Paths];
    private long _reading;
    private int _offset;
    private int _depth;

    /// <summary>Whether the reading, as far as it was walked through, is nested too deep.</summary>
    public bool IsTooDeep { get; private set; }

    /// <summary>Begins a reading, or a message that may hold none.</summary>
    /// <param name="offset">Where in the body its reader began.</param>
    /// <param name="depth">How many brackets were around it there.</param>
    public void Begin(int offset = 0, int depth = 0)
    {
        _reading++;
        _offset = offset;
        _depth = depth;
        IsTooDeep = false;
    }

    /// <summary>Walks through the object that the reader stands before, and takes what is mapped.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="body">What it reads.</param>
    /// <param name="isWhole">Whether the reading is the whole body, so that places from the body's root are in it.</param>
    public void Walk(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, bool isWhole) =>
        WalkObject(ref reader, body, isWhole ? mapping.Whole : mapping.Root);

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
            var child = path.Member(Name(ref reader));
            reader.Read();
            if (child is null)
            {
                Skip(ref reader);
            }
            else if (child.OnlyColumn < 0 || !values.Take(ref reader, child.OnlyColumn))
            {
                WalkValue(ref reader, body, child);
            }
        }
    }

    private ReadOnlySpan<byte> Name(ref Utf8JsonReader reader) =>
        !reader.ValueIsEscaped ? reader.ValueSpan
        : scratch.TryUnescape(reader.ValueSpan, out var name) ? name
        : [];

    private void WalkArray(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, BodyPath path)
    {
        NoteDepth(ref reader);
        for (var index = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (path.Element(index) is { } element)
            {
                WalkValue(ref reader, body, element);
            }
            else
            {
                Skip(ref reader);
            }
        }
    }

    private void WalkValue(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, BodyPath path)
    {
        var start = _offset + (int)reader.TokenStartIndex;
        var token = reader.TokenType;
        var goesOn = path.HasMore && path.LeadsInto(token);
        if (path.HasMore)
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
            device.Take(ref reader, start, _offset + (int)reader.BytesConsumed, goesOn);
        }

        if (!goesOn)
        {
            Skip(ref reader);
        }
        else if (token == JsonTokenType.StartObject)
        {
            WalkObject(ref reader, body, path);
        }
        else
        {
            WalkArray(ref reader, body, path);
        }

        if (path.IsTime)
        {
            time.Take(new JsonSlice(start, _offset + (int)reader.BytesConsumed - start));
        }

        if (left)
        {
            foreach (var columnIndex in path.ColumnIndexes)
            {
                values.TakeWhole(token, body, start, _offset + (int)reader.BytesConsumed - start, columnIndex);
            }
        }

        if (path.HasMore)
        {
            var value = body[start..(_offset + (int)reader.BytesConsumed)];
            MissBelow(path.InMembers, token, JsonTokenType.StartObject, path, value);
            MissBelow(path.InElements, token, JsonTokenType.StartArray, path, value);
        }
    }

    // For null, all places below it are null; for any other value that is not a container, they are missing.
    private void MissBelow(int[] columnIndexes, JsonTokenType token, JsonTokenType needed, BodyPath path, ReadOnlySpan<byte> value)
    {
        if (token == needed)
        {
            return;
        }

        foreach (var columnIndex in columnIndexes)
        {
            if (token == JsonTokenType.Null)
            {
                values.Note(columnIndex);
            }
            else
            {
                values.RefusePath(columnIndex, path.Path, needed, value);
            }
        }
    }

    // A repeated name replaces everything below the first one: {"a":{"b":1},"a":{}} has no a.b.
    private void Forget(BodyPath path)
    {
        if (_met[path.Id] == _reading)
        {
            foreach (var columnIndex in path.InMembers)
            {
                values.Clear(columnIndex);
            }

            foreach (var columnIndex in path.InElements)
            {
                values.Clear(columnIndex);
            }
        }

        _met[path.Id] = _reading;
    }

    // At an opening bracket the reader's depth is that of the brackets around it.
    private void NoteDepth(ref Utf8JsonReader reader) => IsTooDeep |= reader.CurrentDepth + _depth >= DeepestNesting;
}

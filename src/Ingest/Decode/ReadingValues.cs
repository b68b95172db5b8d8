using System.Text.Json;
using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Events;

namespace Ingest.Decode;

/// <summary>
/// The values of the reading in the making, by column. They go to its row as they are met, and what is wrong with one is kept until the
/// reading is complete, as a later value of the same name takes its place. Not thread-safe.
/// </summary>
internal sealed class ReadingValues(TelemetryMapping mapping, ValueScratch scratch)
{
    // By column: what is wrong with its value, and where in the body a value stands that is taken whole.
    private readonly ReadingFault?[] _faults = new ReadingFault?[mapping.Columns.Count];
    private readonly (int Start, int Length)[] _whole = new (int, int)[mapping.Columns.Count];
    private readonly bool _looksAtEveryColumn = mapping.Columns.Any(column => column.Required || SqlTypes.Of(column.Type).TakesWhole);

    // By column: the reading in which its place last occurred.
    private readonly long[] _occurredIn = new long[mapping.Columns.Count];

    private ReadingColumns? _readings;
    private ValueColumn[] _columns = [];
    private int _rowIndex;
    private int _faultCount;
    private long _reading;
    private int _occurring;

    /// <summary>Whether not one mapped place has occurred in the reading so far, be it with null.</summary>
    public bool TookNothing => _occurring == 0 && _faultCount == 0;

    /// <summary>Whether the reading's rejection would only be counted, so that its sentence is not made.</summary>
    public bool CountsOnly { get; private set; }

    /// <summary>A message whose rows go to <paramref name="readings"/>; null between messages.</summary>
    public void BeginMessage(ReadingColumns? readings)
    {
        _readings = readings;
        _columns = readings?.ColumnArray ?? [];
    }

    /// <summary>Begins a row.</summary>
    public void BeginReading(bool countsOnly)
    {
        CountsOnly = countsOnly;
        _reading++;
        _occurring = 0;
        _rowIndex = _readings!.Count;
        if (_faultCount > 0)
        {
            Array.Clear(_faults);
            _faultCount = 0;
        }

        if (_looksAtEveryColumn)
        {
            Array.Clear(_whole);
        }

        _readings.BeginRow();
    }

    /// <summary>Takes a value that the reader has just met, or refuses it.</summary>
    /// <returns>False where it is left to <see cref="TakeWhole"/>: an object, an array, or for a type that takes JSON whole.</returns>
    public bool Take(ref Utf8JsonReader reader, int columnIndex)
    {
        Forgive(columnIndex);
        Note(columnIndex);
        var column = _columns[columnIndex];
        var token = reader.TokenType;
        if (column.Type.TakesWhole || token is JsonTokenType.StartObject or JsonTokenType.StartArray)
        {
            return false;
        }

        if (token == JsonTokenType.Null)
        {
            column.SetLastNull();
            return true;
        }

        var json = new JsonToken(token, reader.ValueSpan, reader.ValueIsEscaped);
        if (column.Read(json, scratch) is not ValueFault.None and var fault)
        {
            Refuse(columnIndex, fault, CountsOnly ? "" : Detail(fault, columnIndex, Shown(json)));
        }

        return true;
    }

    /// <summary>Takes a value that <see cref="Take"/> left, or refuses it: its end is known now.</summary>
    public void TakeWhole(JsonTokenType token, ReadOnlySpan<byte> body, int start, int length, int columnIndex)
    {
        if (_columns[columnIndex].Type.TakesWhole)
        {
            _whole[columnIndex] = token == JsonTokenType.Null ? default : (start, length);
        }
        else if (token is JsonTokenType.StartObject or JsonTokenType.StartArray)
        {
            Refuse(
                columnIndex,
                ValueFault.WrongType,
                CountsOnly ? "" : Detail(ValueFault.WrongType, columnIndex, RejectionText.Value(body.Slice(start, length))));
        }
    }

    /// <summary>Refuses a value whose path leads through something that is not what it needs.</summary>
    public void RefusePath(int columnIndex, string path, JsonTokenType needed, ReadOnlySpan<byte> json) => Refuse(
        columnIndex,
        ValueFault.WrongType,
        CountsOnly ? ""
            : needed == JsonTokenType.StartObject ? RejectionText.NotAnObject(path, RejectionText.Value(json))
            : RejectionText.NotAnArray(path, RejectionText.Value(json)));

    /// <summary>Notes that the place of a column occurs in the reading.</summary>
    public void Note(int columnIndex)
    {
        if (_occurredIn[columnIndex] != _reading)
        {
            _occurredIn[columnIndex] = _reading;
            _occurring++;
        }
    }

    /// <summary>Takes back what was taken.</summary>
    public void Clear(int columnIndex)
    {
        Forgive(columnIndex);
        if (_occurredIn[columnIndex] == _reading)
        {
            _occurredIn[columnIndex] = 0;
            _occurring--;
        }

        _columns[columnIndex].SetLastNull();
        _whole[columnIndex] = default;
    }

    /// <summary>Takes what comes from beside the body.</summary>
    public void TakeFromMessage(RawEvent message)
    {
        foreach (var columnIndex in mapping.ModuleIndexes)
        {
            if (message.ModuleId is { } module)
            {
                TakeProperty(columnIndex, module);
            }
        }

        foreach (var (columnIndex, name) in mapping.Properties)
        {
            if (MessageFields.TryFindProperty(message.Properties, name, out var value))
            {
                TakeProperty(columnIndex, value);
            }
        }

        foreach (var (columnIndex, name) in mapping.Annotations)
        {
            if (message.Annotations.TryGetValue(name, out var value))
            {
                TakeProperty(columnIndex, value);
            }
        }
    }

    /// <summary>Completes the values, or gives the first fault in the order of the columns.</summary>
    public bool TryComplete(ReadOnlySpan<byte> body, out ReadingFault fault)
    {
        fault = default;
        if (!_looksAtEveryColumn && _faultCount == 0)
        {
            return true;
        }

        var found = FirstFault(body);
        fault = found.GetValueOrDefault();
        return found is null;
    }

    private ReadingFault? FirstFault(ReadOnlySpan<byte> body)
    {
        for (var columnIndex = 0; columnIndex < _columns.Length; columnIndex++)
        {
            if (_faults[columnIndex] is { } fault)
            {
                return fault;
            }

            if (_whole[columnIndex] is { Length: > 0 } whole
                && CompleteWhole(body.Slice(whole.Start, whole.Length), columnIndex) is { } wholeFault)
            {
                return wholeFault;
            }

            if (mapping.Columns[columnIndex].Required && _columns[columnIndex].IsNull(_rowIndex))
            {
                return new(
                    RejectReason.MissingRequired,
                    CountsOnly ? "" : RejectionText.MissingRequired(mapping.Names[columnIndex], mapping.Columns[columnIndex].Name));
            }
        }

        return null;
    }

    private ReadingFault? CompleteWhole(ReadOnlySpan<byte> json, int columnIndex)
    {
        var fault = _columns[columnIndex].Read(new JsonToken(JsonTokenType.None, json, isEscaped: false), scratch);
        return fault == ValueFault.None ? null
            : new(
                ReadingFault.ReasonOf(fault),
                CountsOnly ? "" : fault == ValueFault.TooLongWhenWritten ? TooLong(json, columnIndex) : Detail(
                    fault, columnIndex, RejectionText.Value(json)));
    }

    private void TakeProperty(int columnIndex, object? value)
    {
        Note(columnIndex);
        if (value is not null && _columns[columnIndex].Read(value, scratch) is not ValueFault.None and var fault)
        {
            Refuse(columnIndex, fault, CountsOnly ? "" : Detail(fault, columnIndex, RejectionText.Value(value)));
        }
    }

    private void Refuse(int columnIndex, ValueFault fault, string detail)
    {
        if (_faults[columnIndex] is null)
        {
            _faultCount++;
        }

        _faults[columnIndex] = new ReadingFault(ReadingFault.ReasonOf(fault), detail);
    }

    private void Forgive(int columnIndex)
    {
        if (_faultCount > 0 && _faults[columnIndex] is not null)
        {
            _faults[columnIndex] = null;
            _faultCount--;
        }
    }

    private string Detail(ValueFault fault, int columnIndex, string value) =>
        RejectionText.Of(fault, mapping.Names[columnIndex], _columns[columnIndex].Type, value);

    private string TooLong(ReadOnlySpan<byte> json, int columnIndex) => RejectionText.TooLongWhenWritten(
        mapping.Names[columnIndex],
        mapping.Columns[columnIndex].Name,
        json.Length,
        scratch.Canonicalizer.WrittenLength,
        scratch.WrittenBytes,
        JsonbType.LongestWritten);

    private static string Shown(in JsonToken json) =>
        json.Type == JsonTokenType.String ? $"\"{RejectionText.Value(json.Text)}\"" : RejectionText.Value(json.Text);
}

using System.Text.Json;
using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Events;

namespace Ingest.Decode;

/// <summary>
/// The values of the reading in the making, by column. They go to its row as they are met, and what is wrong with one is kept until the reading is
/// complete, as a later value of the same name takes its place. Not thread-safe.
/// </summary>
internal sealed class ReadingValues(TelemetryMapping mapping, ValueScratch scratch)
{
    // By column: what is wrong with its value, and where in the body a value stands that is taken whole.
    private readonly ReadingFault?[] _faults = new ReadingFault?[mapping.Columns.Count];
    private readonly (int Start, int Length)[] _whole = new (int, int)[mapping.Columns.Count];
    private readonly bool _looksAtEveryColumn = mapping.Columns.Any(column => column.Required || SqlTypes.Of(column.Type).TakesWhole);

    private ReadingColumns? _readings;
    private ValueColumn[] _columns = [];
    private int _rowIndex;
    private int _faultCount;

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

    /// <summary>Takes a value that the reader has just met. An object, an array and what is taken whole wait for <see cref="TakeWhole"/>.</summary>
    public void Take(ref Utf8JsonReader reader, int columnIndex)
    {
        Forgive(columnIndex);
        var column = _columns[columnIndex];
        var token = reader.TokenType;
        if (column.Type.TakesWhole || token is JsonTokenType.StartObject or JsonTokenType.StartArray)
        {
            return;
        }

        if (token == JsonTokenType.Null)
        {
            column.SetLastNull();
            return;
        }

        var json = new JsonToken(token, reader.ValueSpan, reader.ValueIsEscaped);
        if (column.Read(json, scratch) is not ValueFault.None and var fault)
        {
            Refuse(columnIndex, fault, CountsOnly ? "" : Detail(fault, columnIndex, Shown(json)));
        }
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

    /// <summary>Refuses a value whose path leads through something that is no object.</summary>
    public void RefusePath(int columnIndex, string path, ReadOnlySpan<byte> json) =>
        Refuse(columnIndex, ValueFault.WrongType, CountsOnly ? "" : RejectionText.NotAnObject(path, RejectionText.Value(json)));

    /// <summary>Takes back what was taken.</summary>
    public void Clear(int columnIndex)
    {
        Forgive(columnIndex);
        _columns[columnIndex].SetLastNull();
        _whole[columnIndex] = default;
    }

    /// <summary>Takes what comes from beside the body.</summary>
    public void TakeFromMessage(RawEvent message)
    {
        foreach (var columnIndex in mapping.Module)
        {
            if (message.ModuleId is { } module)
            {
                TakeProperty(columnIndex, module);
            }
        }

        foreach (var (columnIndex, name) in mapping.Properties)
        {
            if (message.Properties.TryGetValue(name, out var value) && value is not null)
            {
                TakeProperty(columnIndex, value);
            }
        }
    }

    /// <summary>Completes the values; the first fault in the order of the columns, or null.</summary>
    public ReadingFault? Complete(ReadOnlySpan<byte> body)
    {
        if (!_looksAtEveryColumn && _faultCount == 0)
        {
            return null;
        }

        for (var columnIndex = 0; columnIndex < _columns.Length; columnIndex++)
        {
            if (_faults[columnIndex] is { } fault)
            {
                return fault;
            }

            if (_whole[columnIndex] is { Length: > 0 } whole && CompleteWhole(body.Slice(whole.Start, whole.Length), columnIndex) is { } wholeFault)
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
            : new(ReadingFault.ReasonOf(fault), CountsOnly ? "" : fault == ValueFault.TooLongWhenWritten ? TooLong(json, columnIndex) : Detail(fault, columnIndex, RejectionText.Value(json)));
    }

    private void TakeProperty(int columnIndex, object value)
    {
        if (_columns[columnIndex].Read(value, scratch) is not ValueFault.None and var fault)
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

    private string Detail(ValueFault fault, int columnIndex, string value) => RejectionText.Of(fault, mapping.Names[columnIndex], _columns[columnIndex].Type, value);

    private string TooLong(ReadOnlySpan<byte> json, int columnIndex) => RejectionText.TooLongWhenWritten(
        mapping.Names[columnIndex], mapping.Columns[columnIndex].Name, json.Length, scratch.Canonicalizer.WrittenLength, scratch.WrittenBytes, JsonbType.LongestWritten);

    private static string Shown(in JsonToken json) =>
        json.Type == JsonTokenType.String ? $"\"{RejectionText.Value(json.Text)}\"" : RejectionText.Value(json.Text);
}

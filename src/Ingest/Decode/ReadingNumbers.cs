using System.Buffers.Text;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ingest.Columns.Types;
using Ingest.Decode.Places;
using Ingest.Settings;

namespace Ingest.Decode;

/// <summary>
/// Finds every number of a reading, called by its place (<c>a.b[0]</c>, <c>['a.b']</c>). Of repeated names the last one counts, with all
/// that is below it. Not thread-safe.
/// </summary>
internal sealed class ReadingNumbers(ValueScratch scratch)
{
    /// <summary>Longest name of a metric, in UTF-16 units: the table's index holds it, and an index row has a limit.</summary>
    public const int LongestName = 512;

    private readonly List<(string Place, double Value, bool IsThere)> _numbers = [];

    // By the place of a member: where its numbers are.
    private readonly Dictionary<string, Range> _members = new(StringComparer.Ordinal);
    private readonly List<char> _place = [];
    private int _most;
    private ReadingFault? _fault;
    private bool _countsOnly;

    /// <summary>What the last reading holds.</summary>
    public IEnumerable<(string Metric, double Value)> Found =>
        _numbers.Where(number => number.IsThere).Select(number => (number.Place, number.Value));

    /// <param name="reader">Stands before the reading, an object that is JSON to its end.</param>
    /// <param name="most">How many it may hold.</param>
    /// <param name="countsOnly">Whether no sentence is made.</param>
    /// <param name="fault">Why it is rejected.</param>
    public bool TryFind(ref Utf8JsonReader reader, int most, bool countsOnly, out ReadingFault fault)
    {
        (_most, _countsOnly, _fault) = (most, countsOnly, null);
        _numbers.Clear();
        _members.Clear();
        _place.Clear();
        FindInObject(ref reader, isNamed: true);
        fault = _fault.GetValueOrDefault();
        return _fault is null;
    }

    private void Find(ref Utf8JsonReader reader, bool isNamed)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                FindInObject(ref reader, isNamed);
                break;
            case JsonTokenType.StartArray:
                FindInArray(ref reader, isNamed);
                break;
            case JsonTokenType.Number:
                Take(reader.ValueSpan, isNamed);
                break;
        }
    }

    private void FindInObject(ref Utf8JsonReader reader, bool isNamed)
    {
        var length = _place.Count;
        var places = _members.GetAlternateLookup<ReadOnlySpan<char>>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isNameable = TryAppendName(ref reader) && isNamed && _place.Count <= LongestName;
            var place = CollectionsMarshal.AsSpan(_place);
            if (isNameable && places.TryGetValue(place, out var former))
            {
                for (var index = former.Start.Value; index < former.End.Value; index++)
                {
                    _numbers[index] = _numbers[index] with { IsThere = false };
                }
            }

            var start = _numbers.Count;
            reader.Read();
            Find(ref reader, isNameable);
            if (isNameable)
            {
                places[CollectionsMarshal.AsSpan(_place)] = start.._numbers.Count;
            }

            _place.RemoveRange(length, _place.Count - length);
        }
    }

    private void FindInArray(ref Utf8JsonReader reader, bool isNamed)
    {
        var length = _place.Count;
        for (var index = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
        {
            _place.AddRange(string.Create(CultureInfo.InvariantCulture, $"[{index}]"));
            Find(ref reader, isNamed && _place.Count <= LongestName);
            _place.RemoveRange(length, _place.Count - length);
        }
    }

    /// <returns>False where no text can hold it.</returns>
    private bool TryAppendName(ref Utf8JsonReader reader)
    {
        var utf8 = reader.ValueSpan;
        if (reader.ValueIsEscaped)
        {
            if (!scratch.TryUnescape(utf8, out var unescaped) || unescaped.Contains((byte)0))
            {
                return false;
            }

            utf8 = unescaped;
        }

        var step = new PlaceStep(scratch.Texts.FromUtf8(utf8), 0).ToString();
        _place.AddRange(_place.Count == 0 && step[0] == '.' ? step.AsSpan(1) : step);
        return true;
    }

    private void Take(ReadOnlySpan<byte> json, bool isNamed)
    {
        if (_fault is not null)
        {
            return;
        }

        if (!isNamed)
        {
            _fault = new(
                RejectReason.InvalidText,
                _countsOnly ? "" : $"A number stands below a name that no metric can have: over {LongestName} characters with what is "
                    + "around it, a NUL character, or half of a surrogate pair.");
        }
        else if (_numbers.Count == _most)
        {
            _fault = new(RejectReason.TooManyReadings, $"The reading holds over {_most} numbers.");
        }
        else if (!Utf8Parser.TryParse(json, out double value, out _) || !double.IsFinite(value))
        {
            var place = new string(CollectionsMarshal.AsSpan(_place));
            _fault = new(
                RejectReason.OutOfRange,
                _countsOnly ? "" : RejectionText.OutOfRange(place, SqlTypes.Of(ColumnType.Double), RejectionText.Value(json)));
        }
        else
        {
            var place = CollectionsMarshal.AsSpan(_place);
            _numbers.Add((scratch.Texts.Find(place) ?? scratch.Texts.Keep(new string(place)), value, IsThere: true));
        }
    }
}

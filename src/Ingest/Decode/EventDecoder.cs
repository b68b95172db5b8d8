using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Ingest.Columns;
using Ingest.Events;
using Ingest.Settings;

namespace Ingest.Decode;

/// <summary>
/// Decodes one message after the other into columns. The body is read once, from front to back; values go to the row in the making as they
/// are met, and what is wrong with one is kept until the reading is complete, as a later value of the same name takes its place.
/// Not thread-safe.
/// </summary>
internal sealed class EventDecoder(TelemetryMapping mapping, BodyDeviceRules devices) : IDisposable
{
    /// <summary>Most levels of nesting, counted from the body's outermost bracket.</summary>
    public const int DeepestNesting = 64;

    /// <summary>Most readings of one message: a small compressed body could hold a third of a million.</summary>
    public const int MostReadings = 10_000;

    /// <summary>
    /// Most bytes of one message's jsonb values when the server writes them out, where <c>1e131071</c> is 131,072 digits: what it stores and cannot
    /// write out (1 GiB) nobody could read or dump again.
    /// </summary>
    public const long LongestWritten = 16 * 1024 * 1024;

    // The reader's own limit would reject a body whole where only one of its elements is too deep.
    private static readonly JsonReaderOptions ReaderOptions = new() { MaxDepth = int.MaxValue };

    private static readonly string TooDeepDetail = $"The reading is nested over {DeepestNesting} levels.";

    private readonly StringCache _deviceNames = new();
    private readonly StringCache _texts = new();
    private readonly PooledBuffer<byte> _inflated = new();
    private readonly PooledBuffer<byte> _unescaped = new();
    private readonly JsonbCanonicalizer _canonicalizer = new();

    // By column: what is wrong with its value, and where in the body a jsonb value stands.
    private readonly (RejectReason Reason, string Detail)?[] _faults = new (RejectReason, string)?[mapping.Columns.Count];
    private readonly (int Start, int Length)[] _json = new (int, int)[mapping.Columns.Count];
    private readonly bool _looksAtEveryColumn = mapping.Columns.Any(column => column.Required || column.Type == ColumnType.Jsonb);

    // By body path: the reading in which it was last met.
    private readonly long[] _met = new long[mapping.Root.Size];

    private IReadOnlyList<ValueColumn> _columns = [];
    private long _reading;
    private int _row;
    private int _faultCount;
    private bool _tooDeep;
    private BodyDevice _bodyDevice;

    // Of the message: bytes of the text and JSON that was taken, and of its jsonb values as the server writes them out.
    private long _valueBytes;
    private long _written;

    // Whether a rejection would only be counted, so that its sentence is not made.
    private bool _countsOnly;

    /// <summary>Gives the buffers back. The decoder can be used again.</summary>
    public void Dispose()
    {
        _canonicalizer.Dispose();
        _inflated.Dispose();
        _unescaped.Dispose();
        _columns = [];
    }

    /// <param name="message">The message.</param>
    /// <param name="index">Its index in the batch.</param>
    /// <param name="stamp">Its stamp.</param>
    /// <param name="output">Takes its readings and rejections.</param>
    public void Decode(RawEvent message, int index, Instant stamp, ref DecoderOutput output)
    {
        string? device = null;
        if (!string.IsNullOrEmpty(message.DeviceId))
        {
            device = Intern(message.DeviceId, out var reason);
            if (device is null)
            {
                output.Reject(reason!.Value, DeviceDetail(reason.Value, message.DeviceId));
                return;
            }
        }
        else if (!devices.WhereHubNamesNone)
        {
            output.Reject(RejectReason.DeviceMissing, "The hub named no device, and Telemetry:AllowBodyDevice is off.");
            return;
        }

        if (MessageBody.Open(message, _inflated, out var body, out var detail) is { } refused)
        {
            output.Reject(refused, detail);
            return;
        }

        var context = new Context(message, index, stamp, device);
        var reader = new Utf8JsonReader(body, ReaderOptions);
        _columns = output.Readings.Columns;
        _tooDeep = false;
        _valueBytes = 0;
        _written = 0;
        try
        {
            if (!ReadBody(ref reader, body, context, ref output))
            {
                output.RollBack();
                output.Reject(RejectReason.TooManyReadings, $"The body's array has over {MostReadings} elements.");
            }

            output.Bytes += _valueBytes;
        }
        catch (JsonException)
        {
            output.RollBack();
            var (why, text) = _tooDeep
                ? (RejectReason.TooDeep, $"The body is nested over {DeepestNesting} levels, and is not JSON.")
                : (RejectReason.NotJson, NotJsonDetail(body, reader.BytesConsumed));
            output.Reject(why, text);
        }
    }

    private static string NotJsonDetail(ReadOnlySpan<byte> body, long position) =>
        body.IsEmpty ? "The body is empty."
        : position == body.Length ? "The body is not JSON: it ends too early."
        : $"The body is not JSON from byte {position} on: {RejectionText.Value(body[(int)position..])}";

    private static string DeviceDetail(RejectReason reason, string name) => reason switch
    {
        RejectReason.DeviceMissing => "The device's name is empty.",
        RejectReason.DeviceTooLong => $"The device's name has {name.Length} characters; {DeviceNames.Longest} are the most: {RejectionText.Quote(name)}",
        _ => $"The device's name holds a NUL character or half of a surrogate pair: {RejectionText.Quote(name)}",
    };

    /// <returns>False where it holds too many readings.</returns>
    private bool ReadBody(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, in Context context, ref DecoderOutput output)
    {
        var empty = false;
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            ReadReading(ref reader, body, context, -1, ref output);
        }
        else
        {
            var element = 0;
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (element == MostReadings)
                {
                    return false;
                }

                ReadReading(ref reader, body, context, element++, ref output);
            }

            empty = element == 0;
        }

        // The reader throws where anything but white space follows; only then is an empty array one.
        reader.Read();
        if (empty)
        {
            output.Ignored++;
        }

        return true;
    }

    private void ReadReading(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, in Context context, int element, ref DecoderOutput output)
    {
        var start = (int)reader.TokenStartIndex;
        _tooDeep = false;
        _countsOnly = !output.Builds;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            Skip(ref reader);
            var (why, text) = _tooDeep ? (RejectReason.TooDeep, TooDeepDetail)
                : (RejectReason.NotObject, _countsOnly ? "" : RejectionText.NotAnObject(element < 0 ? "The body" : "The element", RejectionText.Value(body[start..(int)reader.BytesConsumed])));
            output.Reject(why, text, element);

            return;
        }

        BeginReading(output.Readings);
        ReadObject(ref reader, body, mapping.Root);
        if (mapping.Payload is { } payload)
        {
            _json[payload] = (start, (int)reader.BytesConsumed - start);
        }

        TakeFromMessage(context.Message);
        var device = context.Device;
        if (Fault(body, ref device) is var (reason, detail))
        {
            output.Readings.AbandonRow();
            output.Reject(reason, detail, element);
        }
        else
        {
            output.Readings.EndRow(context.Stamp, device!, context.Index, element);
        }
    }

    private void BeginReading(ReadingColumns readings)
    {
        _reading++;
        _row = readings.Count;
        _bodyDevice = default;
        if (_faultCount > 0)
        {
            Array.Clear(_faults);
            _faultCount = 0;
        }

        if (_looksAtEveryColumn)
        {
            Array.Clear(_json);
        }

        readings.BeginRow();
    }

    private void ReadObject(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, BodyPath path)
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
                ReadValue(ref reader, body, child);
            }
        }
    }

    private ReadOnlySpan<byte> Name(ref Utf8JsonReader reader) =>
        !reader.ValueIsEscaped ? reader.ValueSpan
        : TryUnescape(reader.ValueSpan, out var name) ? name
        : [];

    private void ReadValue(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, BodyPath path)
    {
        var start = (int)reader.TokenStartIndex;
        var token = reader.TokenType;
        if (path.Children.Length > 0)
        {
            Forget(path);
        }

        foreach (var column in path.Columns)
        {
            Take(ref reader, column);
        }

        if (path.IsDevice)
        {
            _bodyDevice = token == JsonTokenType.Null || (token == JsonTokenType.StartObject && path.Children.Length > 0) ? default
                : new BodyDevice(token == JsonTokenType.String, start, (int)reader.BytesConsumed - start, reader.ValueIsEscaped);
        }

        if (token == JsonTokenType.StartObject && path.Children.Length > 0)
        {
            ReadObject(ref reader, body, path);
        }
        else
        {
            Skip(ref reader);
        }

        var whole = (Start: start, Length: (int)reader.BytesConsumed - start);
        foreach (var column in path.Columns)
        {
            if (_columns[column].Definition.Type == ColumnType.Jsonb)
            {
                _json[column] = token == JsonTokenType.Null ? default : whole;
            }
            else if (token is JsonTokenType.StartObject or JsonTokenType.StartArray)
            {
                Refuse(column, RejectReason.WrongType, _countsOnly ? "" : RejectionText.WrongType(path.Path, mapping.Columns[column].Type, RejectionText.Value(body.Slice(whole.Start, whole.Length))));
            }
        }

        if (token is not (JsonTokenType.StartObject or JsonTokenType.Null))
        {
            foreach (var column in path.Below)
            {
                Refuse(column, RejectReason.WrongType, _countsOnly ? "" : RejectionText.NotAnObject(path.Path, RejectionText.Value(body.Slice(whole.Start, whole.Length))));
            }
        }
    }

    // A name met again takes everything below it along: {"a":{"b":1},"a":{}} has no a.b.
    private void Forget(BodyPath path)
    {
        if (_met[path.Id] == _reading)
        {
            foreach (var column in path.Below)
            {
                Clear(column);
            }
        }

        _met[path.Id] = _reading;
    }

    private void Clear(int column)
    {
        if (_faultCount > 0 && _faults[column] is not null)
        {
            _faults[column] = null;
            _faultCount--;
        }

        _columns[column].SetLastNull();
        _json[column] = default;
    }

    private void Refuse(int column, RejectReason reason, string detail)
    {
        if (_faults[column] is null)
        {
            _faultCount++;
        }

        _faults[column] = (reason, detail);
    }

    /// <summary>Takes a scalar for a column; objects, arrays and jsonb are taken when their end is known.</summary>
    private void Take(ref Utf8JsonReader reader, int column)
    {
        if (_faultCount > 0 && _faults[column] is not null)
        {
            _faults[column] = null;
            _faultCount--;
        }

        var target = _columns[column];
        var token = reader.TokenType;
        if (token is JsonTokenType.StartObject or JsonTokenType.StartArray || target.Definition.Type == ColumnType.Jsonb)
        {
            return;
        }

        if (token == JsonTokenType.Null)
        {
            target.SetLastNull();
            return;
        }

        if ((token, target.Definition.Type) switch
        {
            (JsonTokenType.Number, ColumnType.Double) => TakeDouble(reader.ValueSpan, (ValueColumn<double>)target),
            (JsonTokenType.Number, ColumnType.Real) => TakeReal(reader.ValueSpan, (ValueColumn<float>)target),
            (JsonTokenType.Number, ColumnType.Bigint) => TakeBigint(reader.ValueSpan, (ValueColumn<long>)target),
            (JsonTokenType.Number, ColumnType.Integer) => TakeInteger(reader.ValueSpan, (ValueColumn<int>)target),
            (JsonTokenType.True or JsonTokenType.False, ColumnType.Boolean) => TakeBoolean(token == JsonTokenType.True, (ValueColumn<bool>)target),
            (JsonTokenType.String, ColumnType.Text) => TakeText(ref reader, (ValueColumn<string>)target),
            (JsonTokenType.String, ColumnType.Timestamptz) => TakeTime(ref reader, (ValueColumn<DateTime>)target),
            _ => RejectReason.WrongType,
        } is { } reason)
        {
            Refuse(column, reason, _countsOnly ? "" : Detail(reason, mapping.Names[column], target.Definition.Type, Shown(ref reader)));
        }
    }

    private static string Shown(ref Utf8JsonReader reader) => reader.TokenType == JsonTokenType.String
        ? $"\"{RejectionText.Value(reader.ValueSpan)}\""
        : RejectionText.Value(reader.ValueSpan);

    private static string Detail(RejectReason reason, string field, ColumnType type, string value) => reason switch
    {
        RejectReason.WrongType => RejectionText.WrongType(field, type, value),
        RejectReason.OutOfRange => RejectionText.OutOfRange(field, type, value),
        RejectReason.NulInText => RejectionText.NulInText(field, value),
        _ => RejectionText.LoneSurrogate(field, value),
    };

    private static RejectReason? TakeDouble(ReadOnlySpan<byte> number, ValueColumn<double> column)
    {
        if (!Utf8Parser.TryParse(number, out double value, out _) || !double.IsFinite(value))
        {
            return RejectReason.OutOfRange;
        }

        column.SetLast(value);
        return null;
    }

    private static RejectReason? TakeReal(ReadOnlySpan<byte> number, ValueColumn<float> column)
    {
        if (!Utf8Parser.TryParse(number, out float value, out _) || !float.IsFinite(value))
        {
            return RejectReason.OutOfRange;
        }

        column.SetLast(value);
        return null;
    }

    private static RejectReason? TakeBigint(ReadOnlySpan<byte> number, ValueColumn<long> column)
    {
        var reason = ToInt64(number, out var value);
        if (reason is null)
        {
            column.SetLast(value);
        }

        return reason;
    }

    private static RejectReason? TakeInteger(ReadOnlySpan<byte> number, ValueColumn<int> column)
    {
        if (ToInt64(number, out var value) is { } reason)
        {
            return reason;
        }

        if (value is < int.MinValue or > int.MaxValue)
        {
            return RejectReason.OutOfRange;
        }

        column.SetLast((int)value);
        return null;
    }

    private static RejectReason? ToInt64(ReadOnlySpan<byte> text, out long value)
    {
        if (Utf8Parser.TryParse(text, out value, out var read) && read == text.Length)
        {
            return null;
        }

        var number = new JsonNumber(text);
        return !number.IsWhole ? RejectReason.WrongType
            : number.TryGetInt64(out value) ? null
            : RejectReason.OutOfRange;
    }

    private static RejectReason? TakeBoolean(bool value, ValueColumn<bool> column)
    {
        column.SetLast(value);
        return null;
    }

    private RejectReason? TakeText(ref Utf8JsonReader reader, ValueColumn<string> column)
    {
        var text = reader.ValueSpan;
        if (reader.ValueIsEscaped)
        {
            if (!TryUnescape(text, out var unescaped))
            {
                return RejectReason.NotJson;
            }

            if (unescaped.Contains((byte)0))
            {
                return RejectReason.NulInText;
            }

            text = unescaped;
        }

        _valueBytes += text.Length;
        column.SetLast(_texts.FromUtf8(text));
        return null;
    }

    private RejectReason? TakeTime(ref Utf8JsonReader reader, ValueColumn<DateTime> column)
    {
        var text = reader.ValueSpan;
        if (reader.ValueIsEscaped && TryUnescape(text, out var unescaped))
        {
            text = unescaped;
        }

        if (!IsoTime.TryParse(text, out var time))
        {
            return RejectReason.WrongType;
        }

        column.SetLast(time);
        return IsoTime.IsInfinite(time) ? RejectReason.OutOfRange : null;
    }

    private void TakeFromMessage(RawEvent message)
    {
        foreach (var column in mapping.Module)
        {
            if (message.ModuleId is { } module)
            {
                TakeProperty(column, module);
            }
        }

        foreach (var (column, name) in mapping.Properties)
        {
            if (message.Properties.TryGetValue(name, out var value) && value is not null)
            {
                TakeProperty(column, value);
            }
        }
    }

    private void TakeProperty(int column, object value)
    {
        RejectReason? reason;
        switch (_columns[column])
        {
            case ValueColumn<double> target:
                reason = PropertyValues.ToDouble(value, out var number);
                target.SetLast(number);
                break;
            case ValueColumn<float> target:
                reason = PropertyValues.ToSingle(value, out var single);
                target.SetLast(single);
                break;
            case ValueColumn<long> target:
                reason = PropertyValues.ToInt64(value, out var whole);
                target.SetLast(whole);
                break;
            case ValueColumn<int> target:
                reason = PropertyValues.ToInt64(value, out var integer);
                reason ??= integer is < int.MinValue or > int.MaxValue ? RejectReason.OutOfRange : null;
                target.SetLast(unchecked((int)integer));
                break;
            case ValueColumn<bool> target:
                reason = value is bool ? null : RejectReason.WrongType;
                target.SetLast(value is true);
                break;
            case ValueColumn<string> target:
                var text = PropertyValues.ToText(value);
                reason = text is null ? RejectReason.WrongType
                    : text.Contains('\0', StringComparison.Ordinal) ? RejectReason.NulInText
                    : DeviceNames.IsText(text) ? null
                    : RejectReason.NotJson;
                _valueBytes += text?.Length ?? 0;
                target.SetLast(text ?? "");
                break;
            case ValueColumn<DateTime> target:
                reason = PropertyValues.ToTime(value, out var time);
                target.SetLast(time);
                break;
            default:
                throw new InvalidOperationException($"An application property is mapped to a column of type {mapping.Columns[column].Type}.");
        }

        if (reason is { } refused)
        {
            Refuse(column, refused, _countsOnly ? "" : Detail(refused, mapping.Names[column], mapping.Columns[column].Type, RejectionText.Value(value)));
        }
    }

    /// <summary>What is wrong with the reading that has just ended, if anything: its device first, then its columns in their order.</summary>
    private (RejectReason Reason, string Detail)? Fault(ReadOnlySpan<byte> body, ref string? device)
    {
        if (_tooDeep)
        {
            return (RejectReason.TooDeep, TooDeepDetail);
        }

        if ((_bodyDevice.IsThere || device is null) && DeviceFault(body, ref device) is { } fault)
        {
            return fault;
        }

        return _looksAtEveryColumn || _faultCount > 0 ? ColumnFault(body) : null;
    }

    private (RejectReason Reason, string Detail)? ColumnFault(ReadOnlySpan<byte> body)
    {
        for (var column = 0; column < _faults.Length; column++)
        {
            var definition = mapping.Columns[column];
            if (_faults[column] is { } fault)
            {
                return fault;
            }

            if (_json[column] is { Length: > 0 } json && TakeJson(body.Slice(json.Start, json.Length), column) is { } jsonFault)
            {
                return jsonFault;
            }

            if (definition.Required && _columns[column].IsNull(_row))
            {
                return (RejectReason.MissingRequired, _countsOnly ? "" : RejectionText.MissingRequired(mapping.Names[column], definition.Name));
            }
        }

        return null;
    }

    private (RejectReason Reason, string Detail)? TakeJson(ReadOnlySpan<byte> json, int column)
    {
        var fault = _canonicalizer.TryCanonicalize(json, out var value);
        if (fault == JsonbFault.None)
        {
            var written = _canonicalizer.WrittenLength;
            if (_written + written > LongestWritten)
            {
                return (RejectReason.OutOfRange, _countsOnly ? "" : RejectionText.TooLongWhenWritten(mapping.Names[column], mapping.Columns[column].Name, json.Length, written, _written, LongestWritten));
            }

            _written += written;
            _valueBytes += sizeof(char) * value.Canonical.Length;
            ((ValueColumn<JsonbValue>)_columns[column]).SetLast(value);
            return null;
        }

        var reason = fault switch
        {
            JsonbFault.Nul => RejectReason.NulInText,
            JsonbFault.NumberOutOfRange => RejectReason.OutOfRange,
            _ => RejectReason.NotJson,
        };
        return (reason, _countsOnly ? "" : Detail(reason, mapping.Names[column], ColumnType.Jsonb, RejectionText.Value(json)));
    }

    /// <summary>Settles who the reading is of: <paramref name="device"/> is who the hub authenticated, and becomes the row's device.</summary>
    private (RejectReason Reason, string Detail)? DeviceFault(ReadOnlySpan<byte> body, ref string? device)
    {
        if (!_bodyDevice.IsThere)
        {
            return (RejectReason.DeviceMissing, "Neither the hub nor the body names a device.");
        }

        var json = body.Slice(_bodyDevice.Start, _bodyDevice.Length);
        if (!_bodyDevice.IsText)
        {
            return (RejectReason.WrongType, _countsOnly ? "" : RejectionText.WrongType(DeviceNames.Field, ColumnType.Text, RejectionText.Value(json)));
        }

        var name = json[1..^1];
        if (_bodyDevice.IsEscaped)
        {
            if (!TryUnescape(name, out var unescaped))
            {
                return (RejectReason.DeviceInvalid, _countsOnly ? "" : $"{DeviceNames.Field} holds half of a surrogate pair: {RejectionText.Value(json)}");
            }

            name = unescaped;
        }

        if (device is not null && IsSame(name, device))
        {
            return null;
        }

        if (device is not null && !devices.Gateways.Contains(device))
        {
            return (RejectReason.DeviceMismatch, _countsOnly ? "" : $"The body names the device {RejectionText.Value(json)}, and the hub authenticated {RejectionText.Quote(device)}, which is not listed in Telemetry:Gateways.");
        }

        // A character takes at most three bytes for each of its UTF-16 units.
        if (name.Length > DeviceNames.Longest * 3)
        {
            return (RejectReason.DeviceTooLong, _countsOnly ? "" : $"The device's name has {name.Length} bytes; {DeviceNames.Longest} characters are the most: {RejectionText.Value(json)}");
        }

        Span<char> text = stackalloc char[DeviceNames.Longest * 3];
        text = text[..Encoding.UTF8.GetChars(name, text)];
        device = _deviceNames.Find(text);
        if (device is null)
        {
            if (DeviceNames.Check(text) is { } reason)
            {
                return (reason, _countsOnly ? "" : DeviceDetail(reason, new string(text)));
            }

            device = _deviceNames.Keep(new string(text));
        }

        return null;
    }

    private static bool IsSame(ReadOnlySpan<byte> utf8, string text)
    {
        if (Ascii.Equals(utf8, text))
        {
            return true;
        }

        Span<byte> other = stackalloc byte[DeviceNames.Longest * 3];
        return Encoding.UTF8.TryGetBytes(text, other, out var length) && utf8.SequenceEqual(other[..length]);
    }

    private string? Intern(string name, out RejectReason? reason)
    {
        reason = null;
        if (_deviceNames.Find(name) is { } known)
        {
            return known;
        }

        reason = DeviceNames.Check(name);
        return reason is null ? _deviceNames.Keep(name) : null;
    }

    private void Skip(ref Utf8JsonReader reader)
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

    // At an opening bracket the reader's depth is that of the brackets around it.
    private void NoteDepth(ref Utf8JsonReader reader) => _tooDeep |= reader.CurrentDepth >= DeepestNesting;

    private bool TryUnescape(ReadOnlySpan<byte> escaped, out ReadOnlySpan<byte> text)
    {
        _unescaped.Clear();
        var room = _unescaped.Extend(escaped.Length);
        var complete = JsonEscapes.TryUnescape(escaped, room, out var length);
        text = room[..length];
        return complete;
    }

    private readonly record struct Context(RawEvent Message, int Index, Instant Stamp, string? Device);

    private readonly record struct BodyDevice(bool IsText, int Start, int Length, bool IsEscaped)
    {
        public bool IsThere => Length > 0;
    }
}

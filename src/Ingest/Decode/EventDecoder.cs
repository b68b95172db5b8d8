using System.Text.Json;
using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Events;

namespace Ingest.Decode;

/// <summary>
/// Decodes one message after the other into columns: whose it is, its body, and each reading of the body with its values
/// (<see cref="ReadingWalker"/>, <see cref="ReadingValues"/>). Not thread-safe.
/// </summary>
internal sealed class EventDecoder : IDisposable
{
    /// <summary>Most readings of one message: a small compressed body could hold a third of a million.</summary>
    public const int MostReadings = 10_000;

    // The reader's own limit would reject a body whole where only one of its elements is too deep.
    private static readonly JsonReaderOptions ReaderOptions = new() { MaxDepth = int.MaxValue };

    private static readonly ReadingFault TooDeep = new(
        RejectReason.TooDeep, $"The reading is nested over {ReadingWalker.DeepestNesting} levels.");

    private readonly TelemetryMapping _mapping;
    private readonly int? _payloadIndex;
    private readonly PooledBuffer<byte> _inflated = new();
    private readonly ValueScratch _scratch = new();
    private readonly DeviceRule _device;
    private readonly ReadingValues _values;
    private readonly ReadingWalker _walker;

    public EventDecoder(TelemetryMapping mapping, BodyDeviceRules devices)
    {
        _mapping = mapping;
        _payloadIndex = mapping.PayloadIndex;
        _device = new DeviceRule(devices, _scratch);
        _values = new ReadingValues(mapping, _scratch);
        _walker = new ReadingWalker(mapping, _values, _device, _scratch);
    }

    /// <summary>Gives the buffers back. The decoder can be used again.</summary>
    public void Dispose()
    {
        _scratch.Dispose();
        _inflated.Dispose();
        _values.BeginMessage(null);
    }

    /// <param name="message">The message.</param>
    /// <param name="eventIndex">Its index in the batch.</param>
    /// <param name="stamp">Its stamp.</param>
    /// <param name="output">Takes its readings and rejections.</param>
    public void Decode(RawEvent message, int eventIndex, Instant stamp, ref DecoderOutput output)
    {
        if (!_device.TryOfHub(message, out var device, out var fault))
        {
            output.Reject(fault);
            return;
        }

        if (MessageBody.Open(message, _inflated, out var body, out var detail) is { } refused)
        {
            output.Reject(new(refused, detail));
            return;
        }

        var context = new Context(message, eventIndex, stamp, device);
        var reader = new Utf8JsonReader(body, ReaderOptions);
        _scratch.BeginMessage();
        _values.BeginMessage(output.Readings);
        _walker.Begin();
        try
        {
            if (!ReadBody(ref reader, body, context, ref output))
            {
                output.RollBack();
                output.Reject(new(RejectReason.TooManyReadings, $"The body's array has over {MostReadings} elements."));
            }

            output.Bytes += _scratch.TakenBytes;
        }
        catch (JsonException)
        {
            output.RollBack();
            output.Reject(_walker.IsTooDeep
                ? new(RejectReason.TooDeep, $"The body is nested over {ReadingWalker.DeepestNesting} levels, and is not JSON.")
                : new(RejectReason.NotJson, NotJsonDetail(body, reader.BytesConsumed)));
        }
    }

    private static string NotJsonDetail(ReadOnlySpan<byte> body, long position) =>
        body.IsEmpty ? "The body is empty."
        : position == body.Length ? "The body is not JSON: it ends too early."
        : $"The body is not JSON from byte {position} on: {RejectionText.Value(body[(int)position..])}";

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
            var elementIndex = 0;
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (elementIndex == MostReadings)
                {
                    return false;
                }

                ReadReading(ref reader, body, context, elementIndex++, ref output);
            }

            empty = elementIndex == 0;
        }

        // The reader throws where anything but white space follows; only then is an empty array one.
        reader.Read();
        if (empty)
        {
            output.Ignored++;
        }

        return true;
    }

    private void ReadReading(
        ref Utf8JsonReader reader,
        ReadOnlySpan<byte> body,
        in Context context,
        int elementIndex,
        ref DecoderOutput output)
    {
        var start = (int)reader.TokenStartIndex;
        _walker.Begin();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            _walker.Skip(ref reader);
            output.Reject(
                _walker.IsTooDeep ? TooDeep : NotObject(output.Builds, elementIndex, body[start..(int)reader.BytesConsumed]), elementIndex);
            return;
        }

        _device.BeginReading();
        _values.BeginReading(countsOnly: !output.Builds);
        _walker.Walk(ref reader, body, isWhole: elementIndex < 0);
        if (_payloadIndex is { } payloadIndex)
        {
            _values.TakeWhole(JsonTokenType.StartObject, body, start, (int)reader.BytesConsumed - start, payloadIndex);
        }

        _values.TakeFromMessage(context.Message);
        var device = context.Device;
        if (TryComplete(body, body[start..(int)reader.BytesConsumed], ref device, out var fault))
        {
            output.Readings.EndRow(context.Stamp, device!, context.EventIndex, elementIndex);
        }
        else
        {
            output.Readings.AbandonRow();
            output.Reject(fault, elementIndex);
        }
    }

    // What is wrong with the reading that has just ended, if anything: its device first, then its columns in their order.
    private bool TryComplete(ReadOnlySpan<byte> body, ReadOnlySpan<byte> reading, ref string? device, out ReadingFault fault)
    {
        fault = TooDeep;
        if (_walker.IsTooDeep
            || !_device.TrySettle(body, ref device, _values.CountsOnly, out fault)
            || !_device.TryFit(ref device, _values.CountsOnly, out fault))
        {
            return false;
        }

        if (_values.TookNothing && !_mapping.AllowsEmpty)
        {
            fault = new(RejectReason.NothingMapped, _values.CountsOnly ? "" : NearestMiss.Sentence(_mapping, reading));
            return false;
        }

        return _values.TryComplete(body, out fault);
    }

    private static ReadingFault NotObject(bool built, int elementIndex, ReadOnlySpan<byte> json) =>
        new(
            RejectReason.NotObject,
            built ? RejectionText.NotAnObject(elementIndex < 0 ? "The body" : "The element", RejectionText.Value(json)) : "");

    private readonly record struct Context(RawEvent Message, int EventIndex, Instant Stamp, string? Device);
}

using System.Text.Json;
using Ingest.Columns.Types;
using Ingest.Decode.Places;

namespace Ingest.Decode;

/// <summary>Where a reading stands.</summary>
/// <param name="Offset">Where in the body its reader began.</param>
/// <param name="ElementIndex">Its number in the message; -1 where the body is this reading.</param>
/// <param name="IsWhole">Whether it is a root of the body, and not inside one.</param>
/// <param name="Depth">How many brackets were around it where its reader began.</param>
internal readonly record struct ReadingPosition(int Offset, int ElementIndex, bool IsWhole, int Depth = 0);

/// <summary>
/// Decodes one reading into a row or a rejection: its values as the walk meets them (<see cref="ReadingWalker"/>,
/// <see cref="ReadingValues"/>), then what is beside it, then whose it is. Not thread-safe.
/// </summary>
internal sealed class ReadingDecoder(
    TelemetryMapping mapping,
    ReadingValues values,
    DeviceRule deviceRule,
    TimeRule timeRule,
    NarrowRows? narrow,
    ValueScratch scratch)
{
    /// <summary>
    /// Most bytes of text and JSON that the readings of one message take together: what stands once in a body can go to each of them.
    /// </summary>
    private const long MostTaken = 16 * 1024 * 1024;

    private static readonly ReadingFault TooDeep = new(
        RejectReason.TooDeep, $"The reading is nested over {ReadingWalker.DeepestNesting} levels.");

    private static readonly ReadingFault TakesTooMuch = new(
        RejectReason.TooLarge, $"The readings of the message take over {MostTaken} bytes of text and JSON together.");

    private readonly ReadingWalker _walker = new(mapping, values, deviceRule, timeRule, scratch);
    private readonly OuterPlaces _outer = new(mapping.Outer, mapping.IgnoresCase, values, deviceRule, timeRule);

    /// <summary>Whether what was read last is nested too deep.</summary>
    public bool IsTooDeep => _walker.IsTooDeep;

    /// <summary>Starts a body, which may contain no reading.</summary>
    public void Begin() => _walker.Begin();

    /// <summary>Passes over a root that has readings inside.</summary>
    public JsonSlice PassOver(ref Utf8JsonReader reader)
    {
        var start = (int)reader.TokenStartIndex;
        _walker.Begin();
        _walker.Skip(ref reader);
        return new JsonSlice(start, (int)reader.BytesConsumed - start);
    }

    /// <summary>Finds what a root has for each of the readings inside it.</summary>
    public void FindOuter(ReadOnlySpan<byte> body, JsonSlice root) => _outer.Find(body, root);

    /// <summary>Decodes the reading that the reader stands before.</summary>
    public void Read(
        ref Utf8JsonReader reader, ReadOnlySpan<byte> body, ReadingPosition position, in MessageContext context, ref DecoderOutput output)
    {
        var start = position.Offset + (int)reader.TokenStartIndex;
        _walker.Begin(position.Offset, position.Depth);
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            _walker.Skip(ref reader);
            var json = body[start..(position.Offset + (int)reader.BytesConsumed)];
            output.Reject(_walker.IsTooDeep ? TooDeep : NotObject(output.Builds, position.ElementIndex, json), position.ElementIndex);
            return;
        }

        deviceRule.BeginReading();
        timeRule.BeginReading();
        values.BeginReading(countsOnly: !output.Builds);
        _walker.Walk(ref reader, body, position.IsWhole);
        var reading = new JsonSlice(start, position.Offset + (int)reader.BytesConsumed - start);
        if (mapping.PayloadIndex is { } payloadIndex)
        {
            values.TakeWhole(JsonTokenType.StartObject, body, reading.Start, reading.Length, payloadIndex);
        }

        values.TakeFromMessage(context.Message);

        // What the outer object has says nothing about the reading.
        var tookNothing = values.TookNothing;
        if (!position.IsWhole && _outer.Any)
        {
            _outer.Take(body);
        }

        var stamp = context.Stamp;
        ReadingFault fault = default;
        if (mapping.Time is not null
            && timeRule.Settle(body, context, values.CountsOnly, out stamp, out fault) is not TimeVerdict.Accepted and var verdict)
        {
            Leave(verdict, _walker.IsTooDeep ? TooDeep : fault, position, ref output);
            return;
        }

        var device = context.Device;
        if (TryComplete(body, reading, tookNothing, ref device, out fault))
        {
            if (narrow is null)
            {
                output.Readings.EndRow(stamp, device!, context.EventIndex, position.ElementIndex);
                return;
            }

            var isAdded = narrow.TryAdd(
                reading.Of(body), context with { Stamp = stamp }, device!, position.ElementIndex, values.CountsOnly, out fault);
            narrow.Places.AbandonRow();
            if (isAdded)
            {
                return;
            }
        }
        else
        {
            (narrow?.Places ?? output.Readings).AbandonRow();
        }

        output.Reject(fault, position.ElementIndex);
    }

    // Its time is outside what the table keeps.
    private void Leave(TimeVerdict verdict, ReadingFault fault, ReadingPosition position, ref DecoderOutput output)
    {
        (narrow?.Places ?? output.Readings).AbandonRow();
        if (verdict == TimeVerdict.Expired)
        {
            output.Ignored++;
        }
        else
        {
            output.Reject(fault, position.ElementIndex);
        }
    }

    // The first fault of the reading that has just ended, if any: its device's, then its columns' in their order.
    private bool TryComplete(ReadOnlySpan<byte> body, JsonSlice reading, bool tookNothing, ref string? device, out ReadingFault fault)
    {
        fault = TooDeep;
        if (_walker.IsTooDeep
            || !deviceRule.TrySettle(body, ref device, values.CountsOnly, out fault)
            || !deviceRule.TryFit(ref device, values.CountsOnly, out fault))
        {
            return false;
        }

        if (tookNothing && !mapping.AllowsEmpty && !mapping.TakesEveryNumber)
        {
            fault = new(RejectReason.NothingMapped, values.CountsOnly ? "" : NearestMiss.Sentence(mapping, reading.Of(body)));
            return false;
        }

        if (!values.TryComplete(body, out fault))
        {
            return false;
        }

        fault = TakesTooMuch;
        return scratch.TakenBytes <= MostTaken;
    }

    private static ReadingFault NotObject(bool built, int elementIndex, ReadOnlySpan<byte> json) =>
        new(
            RejectReason.NotObject,
            built ? RejectionText.NotAnObject(elementIndex < 0 ? "The body" : "The element", RejectionText.Value(json)) : "");
}

using System.Text.Json;
using Ingest.Columns.Types;
using Ingest.Decode.Places;

namespace Ingest.Decode;

/// <summary>
/// Finds the readings of a body: itself, the elements of its array, what lies where the settings say, and all of these in each of several
/// values that follow one another. Not thread-safe.
/// </summary>
internal sealed class BodyDecoder(TelemetryMapping mapping, ReadingDecoder reading, ValueScratch scratch)
{
    /// <summary>Most readings of one message: a small compressed body could hold a third of a million.</summary>
    public const int MostReadings = 10_000;

    // The reader's own limit would reject the whole body although only one of its elements is too deep.
    private static readonly JsonReaderOptions ReaderOptions = new() { MaxDepth = int.MaxValue, AllowMultipleValues = true };

    private readonly ReadingLocator? _inside =
        mapping.Readings is { } readings ? new ReadingLocator(readings.Steps, mapping.IgnoresCase) : null;

    // For an array whose readings take something from the root.
    private readonly ReadingLocator? _elements = mapping.Outer.Count > 0
        ? new ReadingLocator([new PlaceStep(null, PlaceStep.Every)], mapping.IgnoresCase)
        : null;

    /// <summary>Decodes the readings of <paramref name="body"/>: valid UTF-8, and JSON or not.</summary>
    public void Decode(ReadOnlySpan<byte> body, in MessageContext context, ref DecoderOutput output)
    {
        var reader = new Utf8JsonReader(body, ReaderOptions);
        try
        {
            var count = 0;
            if (!TryReadOne(ref reader, body, context, ref output) && !TryReadMany(ref reader, body, context, ref count, ref output))
            {
                RejectTooMany(ref output);
            }

            output.Bytes += scratch.TakenBytes;
        }
        catch (JsonException)
        {
            output.RollBack();
            output.Reject(reading.IsTooDeep
                ? new(RejectReason.TooDeep, $"The body is nested over {ReadingWalker.DeepestNesting} levels, and is not JSON.")
                : new(RejectReason.NotJson, NotJsonDetail(body, reader.BytesConsumed)));
        }
    }

    /// <summary>Decodes the readings of one of several bodies in a message, numbered on from <paramref name="count"/>.</summary>
    /// <returns>False where they are too many: the message is rejected whole.</returns>
    public bool TryDecodePart(ReadOnlySpan<byte> body, in MessageContext context, ref int count, ref DecoderOutput output)
    {
        reading.Begin();
        var reader = new Utf8JsonReader(body, ReaderOptions);
        try
        {
            // Read once to its end: a body that is not JSON must add nothing, and must not affect the message's other bodies.
            var isEmpty = true;
            while (reader.Read())
            {
                isEmpty = false;
            }

            if (isEmpty)
            {
                output.Reject(new(RejectReason.NotJson, NotJsonDetail(body, body.Length)), count++);
                return true;
            }
        }
        catch (JsonException)
        {
            output.Reject(new(RejectReason.NotJson, NotJsonDetail(body, reader.BytesConsumed)), count++);
            return true;
        }

        reader = new Utf8JsonReader(body, ReaderOptions);
        if (!TryReadMany(ref reader, body, context, ref count, ref output))
        {
            RejectTooMany(ref output);
            return false;
        }

        return true;
    }

    /// <summary>Rejects a message whole whose readings are too many.</summary>
    public static void RejectTooMany(ref DecoderOutput output)
    {
        output.RollBack();
        output.Reject(new(RejectReason.TooManyReadings, $"The body holds over {MostReadings} readings."));
    }

    /// <summary>The sentence about a body that is no JSON.</summary>
    public static string NotJsonDetail(ReadOnlySpan<byte> body, JsonException exception) =>
        $"The body is not JSON from line {exception.LineNumber + 1}, byte {exception.BytePositionInLine} on: {RejectionText.Value(body)}";

    private static string NotJsonDetail(ReadOnlySpan<byte> body, long position) =>
        body.IsEmpty ? "The body is empty."
        : body.TrimStart(" \t\r\n"u8).IsEmpty ? "The body is white space alone."
        : position == body.Length ? "The body is not JSON: it ends too early."
        : $"The body is not JSON from byte {position} on: {RejectionText.Value(body[(int)position..])}";

    /// <summary>Reads a body that is one reading, as most are.</summary>
    /// <returns>False where it is not: nothing of it is read then.</returns>
    private bool TryReadOne(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, in MessageContext context, ref DecoderOutput output)
    {
        scratch.BeginMessage();
        reading.Begin();
        if (!reader.Read())
        {
            output.Reject(new(RejectReason.NotJson, NotJsonDetail(body, body.Length)));
            return true;
        }

        if (_inside is null && reader.TokenType != JsonTokenType.StartArray)
        {
            reading.Read(ref reader, body, new ReadingPosition(0, -1, IsWhole: true), context, ref output);
            if (!reader.Read())
            {
                return true;
            }

            // Another value follows, so the first was not the whole body: it gets an index like the others.
            output.RollBack();
            scratch.BeginMessage();
        }

        reader = new Utf8JsonReader(body, ReaderOptions);
        return false;
    }

    /// <summary>Reads a body that is an array, several values one after the other, or has its readings inside.</summary>
    /// <returns>False where it holds too many.</returns>
    private bool TryReadMany(
        ref Utf8JsonReader reader, ReadOnlySpan<byte> body, in MessageContext context, ref int count, ref DecoderOutput output)
    {
        var first = count;
        while (reader.Read())
        {
            var isArray = reader.TokenType == JsonTokenType.StartArray;
            if ((_inside ?? (isArray ? _elements : null)) is { } locator)
            {
                if (!TryReadInside(ref reader, body, locator, context, ref count, ref output))
                {
                    return false;
                }
            }
            else if (!isArray)
            {
                if (count == MostReadings)
                {
                    return false;
                }

                reading.Read(ref reader, body, new ReadingPosition(0, count++, IsWhole: true), context, ref output);
            }
            else
            {
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    if (count == MostReadings)
                    {
                        return false;
                    }

                    reading.Read(ref reader, body, new ReadingPosition(0, count++, IsWhole: false), context, ref output);
                }
            }
        }

        // Only now is it known to be JSON to its end, and an empty array to be one.
        if (count == first)
        {
            output.Ignored++;
        }

        return true;
    }

    private bool TryReadInside(
        ref Utf8JsonReader reader,
        ReadOnlySpan<byte> body,
        ReadingLocator locator,
        in MessageContext context,
        ref int count,
        ref DecoderOutput output)
    {
        var root = reading.PassOver(ref reader);
        if (!locator.TryLocate(body, root, MostReadings - count))
        {
            return false;
        }

        reading.FindOuter(body, root);
        foreach (var (value, missingStep) in locator.Located)
        {
            var elementIndex = count++;
            if (missingStep is { } step)
            {
                output.Reject(
                    new(RejectReason.NothingMapped, output.Builds ? RejectionText.NoReading(mapping.Readings!, step) : ""), elementIndex);
                continue;
            }

            var inner = value.Read(body);
            reading.Read(
                ref inner, body, new ReadingPosition(value.Start, elementIndex, IsWhole: false, locator.Depth), context, ref output);
        }

        return true;
    }
}

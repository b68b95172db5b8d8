using System.Text.Json;

namespace Ingest.Decode.Places;

/// <summary>A value from the body's root that all its readings share.</summary>
/// <param name="Place">Where it is looked for.</param>
/// <param name="Target">What takes it.</param>
internal sealed record OuterPlace(Place Place, PlaceTarget Target);

/// <summary>
/// What of a body's root goes to each of the readings inside it: found once a root, taken once a reading. Not thread-safe.
/// </summary>
internal sealed class OuterPlaces(
    IReadOnlyList<OuterPlace> places, bool ignoresCase, ReadingValues values, DeviceRule device, TimeRule time)
{
    private readonly Found[] _found = new Found[places.Count];

    private enum Outcome
    {
        Missing,
        There,
        BelowOther,
    }

    /// <summary>Whether there are any.</summary>
    public bool Any => places.Count > 0;

    /// <summary>Looks for them in <paramref name="root"/>.</summary>
    public void Find(ReadOnlySpan<byte> body, JsonSlice root)
    {
        for (var index = 0; index < _found.Length; index++)
        {
            _found[index] = Find(body, root, places[index].Place.Steps);
        }
    }

    /// <summary>Takes them for the reading in the making.</summary>
    public void Take(ReadOnlySpan<byte> body)
    {
        for (var index = 0; index < _found.Length; index++)
        {
            var found = _found[index];
            var target = places[index].Target;
            if (found.Outcome == Outcome.There)
            {
                Take(body, found.Value, target);
            }
            else if (found.Outcome == Outcome.BelowOther && target.IsColumn)
            {
                var needed = places[index].Place.Steps[found.Step].Name is null ? JsonTokenType.StartArray : JsonTokenType.StartObject;
                values.RefusePath(
                    target.ColumnIndex, $"${string.Concat(places[index].Place.Steps.Take(found.Step))}", needed, found.Value.Of(body));
            }
        }
    }

    private void Take(ReadOnlySpan<byte> body, JsonSlice value, PlaceTarget target)
    {
        var reader = value.Read(body);
        var token = reader.TokenType;
        if (target == PlaceTarget.Device)
        {
            device.Take(ref reader, value.Start, value.Start + value.Length, isPath: false);
        }
        else if (target == PlaceTarget.Time)
        {
            time.Take(value);
        }
        else if (!values.Take(ref reader, target.ColumnIndex))
        {
            values.TakeWhole(token, body, value.Start, value.Length, target.ColumnIndex);
        }
    }

    private Found Find(ReadOnlySpan<byte> body, JsonSlice root, IReadOnlyList<PlaceStep> steps)
    {
        var value = root;
        for (var step = 0; step < steps.Count; step++)
        {
            var token = value.Read(body).TokenType;
            if (value.Into(body, steps[step], ignoresCase) is { } inner)
            {
                value = inner;
                continue;
            }

            var leads = token == (steps[step].Name is null ? JsonTokenType.StartArray : JsonTokenType.StartObject);

            // The root can be anything that the sender chose: an object or a list of objects.
            return new Found(
                leads || step == 0 || token == JsonTokenType.Null ? Outcome.Missing : Outcome.BelowOther, value, step);
        }

        return new Found(Outcome.There, value, steps.Count);
    }

    private readonly record struct Found(Outcome Outcome, JsonSlice Value, int Step);
}

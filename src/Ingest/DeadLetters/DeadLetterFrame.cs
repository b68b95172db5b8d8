using Ingest.Events;
using Ingest.Settings;

namespace Ingest.DeadLetters;

/// <summary>
/// The settings that a dead letter is kept with, as it can be tried again only where they are known: those by which its element counts, and
/// which annotations were asked for.
/// </summary>
/// <param name="Numbering">The settings by which readings of a body are numbered.</param>
/// <param name="Annotations">The annotations that are mapped.</param>
internal sealed record DeadLetterFrame(string Numbering, IReadOnlySet<string> Annotations)
{
    public static DeadLetterFrame Of(TelemetrySettings settings, EventFields fields) => new(
        settings.Readings is { Length: > 0 } readings ? $"{settings.Envelope} {readings}" : $"{settings.Envelope}", fields.Annotations);

    /// <summary>
    /// A message's mapped annotations as a JSON object; null stands for one that it has not.
    /// </summary>
    public string Of(RawEvent message) => Annotations.Count == 0
        ? "{}"
        : DeadLetterText.Properties(Annotations.ToDictionary(name => name, name => message.Annotations.GetValueOrDefault(name)));
}

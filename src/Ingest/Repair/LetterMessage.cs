using Ingest.DeadLetters;
using Ingest.Decode;
using Ingest.Events;

namespace Ingest.Repair;

/// <summary>Makes the message of a dead letter again.</summary>
internal static class LetterMessage
{
    /// <summary>Why the kept message is not what it was; null where it is.</summary>
    public static string? ObstacleOf(StoredDeadLetter letter, DeadLetterFrame frame) =>
        KeyObstacle(letter) ?? NumberingObstacle(letter, frame) ?? AnnotationObstacle(letter.Annotations, frame);

    /// <summary>Whether stamp, device or body are not as they came; null where they are.</summary>
    public static string? KeyObstacle(StoredDeadLetter letter) =>
        DeadLetterKey.Of(DeadLetterKey.OfMessage(Of(letter, null)), letter.Element).AsSpan().SequenceEqual(letter.Key)
            ? null
            : "its key does not fit its stamp, device and body, as the name of its device holds what no text column can hold";

    /// <summary>Why the letter's element cannot be found; null where it can.</summary>
    public static string? NumberingObstacle(StoredDeadLetter letter, DeadLetterFrame frame) =>
        letter.Element >= 0 && letter.Numbering is { } numbering && numbering != frame.Numbering
            ? $"its element was counted by other settings (Telemetry:Envelope and Telemetry:Readings were '{numbering}', and are "
                + $"'{frame.Numbering}'). Replay its message, or export it and import it with \"element\": -1, which takes every reading "
                + "of its body"
            : null;

    /// <summary>Which mapped annotation is not known of a message; null where all are.</summary>
    /// <param name="annotations">Those that are known, as JSON.</param>
    /// <param name="frame">The settings.</param>
    public static string? AnnotationObstacle(string? annotations, DeadLetterFrame frame)
    {
        if (frame.Annotations.Count == 0)
        {
            return null;
        }

        var known = DeadLetterText.ReadProperties(annotations ?? "{}").Keys.ToHashSet(StringComparer.OrdinalIgnoreCase);
        return frame.Annotations.FirstOrDefault(name => !known.Contains(name)) is { } unknown
            ? $"the annotation {unknown} is mapped, and was not when it was kept. Replay its message"
            : null;
    }

    /// <summary>The message as it was kept.</summary>
    public static RawEvent Of(StoredDeadLetter letter, Retrial? retrial) => new()
    {
        Hub = letter.Hub,
        Partition = letter.Partition,
        Offset = letter.Offset,
        SequenceNumber = letter.SequenceNumber,
        RowTime = letter.Time,
        IsStampedByIotHub = IsOfIotHub(letter),
        DeviceId = letter.Device,
        ModuleId = letter.Module,
        MessageSource = letter.MessageSource,
        ContentType = letter.ContentType,
        ContentEncoding = letter.ContentEncoding,
        MessageId = letter.MessageId,
        Properties = DeadLetterText.ReadProperties(letter.Properties),
        Annotations = Annotations(letter.Annotations),
        Undecodable = letter.Reason == RejectReasonCode.Of(RejectReason.Undecodable)
            ? letter.Detail.Replace(BatchDecoder.Undecodable, "", StringComparison.Ordinal)
            : null,
        Retrial = retrial,
        Body = letter.Body,
    };

    /// <summary>Whether IoT Hub has stamped it: what names device or kind of a message is its annotation.</summary>
    public static bool IsOfIotHub(StoredDeadLetter letter) => letter.Device is not null || letter.MessageSource is not null;

    /// <summary>Annotations from JSON; null stands for one that the message has not.</summary>
    public static IReadOnlyDictionary<string, object?> Annotations(string? json) =>
        DeadLetterText.ReadProperties(json ?? "{}")
            .Where(pair => pair.Value is not null)
            .ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.OrdinalIgnoreCase);
}

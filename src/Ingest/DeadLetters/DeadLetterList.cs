using Ingest.Decode;
using Ingest.Events;

namespace Ingest.DeadLetters;

/// <summary>
/// The dead letters of a flush. Each carries its whole body, so of one message's elements only the first ones can be kept: else a body
/// of 256 KiB with ten thousand bad elements would become 2.5 GB.
/// </summary>
internal sealed class DeadLetterList
{
    /// <summary>Most dead letters kept of one message.</summary>
    public const int MostOfMessage = 100;

    /// <summary>Most bytes that they hold of its body altogether; the first is kept whatever its length.</summary>
    public const int MostBytesOfMessage = 1024 * 1024;

    // The quota's key is indexed, and an index row has a limit that a name of any length would pass.
    private const int LongestQuotaName = 128;

    private readonly List<DeadLetter> _letters = [];
    private readonly Dictionary<RawEvent, Source> _sources = new(ReferenceEqualityComparer.Instance);

    public IReadOnlyList<DeadLetter> Letters => _letters;

    public void Add(RawEvent message, int batch, Rejection rejection)
    {
        if (!_sources.TryGetValue(message, out var source))
        {
            source = new Source(message);
            _sources.Add(message, source);
        }

        _letters.Add(new DeadLetter(message, batch, rejection, source.NextKey(rejection.Element), source.QuotaName));
    }

    private static string Shorten(string name)
    {
        if (name.Length <= LongestQuotaName)
        {
            return name;
        }

        return char.IsHighSurrogate(name[LongestQuotaName - 1]) ? name[..(LongestQuotaName - 1)] : name[..LongestQuotaName];
    }

    private sealed class Source(RawEvent message)
    {
        private readonly byte[] _hash = DeadLetterKey.OfMessage(message);
        private int _room = Math.Clamp(MostBytesOfMessage / Math.Max(1, message.Body.Length), 1, MostOfMessage);

        public string QuotaName { get; } = Shorten(DeadLetterText.Clean(message.DeviceId) ?? "");

        public byte[]? NextKey(int element) => _room-- > 0 ? DeadLetterKey.Of(_hash, element) : null;
    }
}

namespace Ingest.LocalHub.Storage;

/// <summary>A stretch of a partition's events in one buffer, so that millions of events are a few thousand objects.</summary>
internal sealed class LogSegment(long first, int length)
{
    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(length);
    private readonly List<int> _ends = [];
    private readonly List<long> _times = [];

    public long First => first;

    /// <summary>The sequence number after the last event's.</summary>
    public long Next => first + _ends.Count;

    public int Length { get; private set; }

    public long LastTime => _times.Count == 0 ? long.MinValue : _times[^1];

    public Span<byte> Free => _bytes.AsSpan(Length);

    public void Commit(int written, long time)
    {
        Length += written;
        _ends.Add(Length);
        _times.Add(time);
    }

    public ArraySegment<byte> Read(long sequenceNumber)
    {
        var index = (int)(sequenceNumber - first);
        var start = index == 0 ? 0 : _ends[index - 1];
        return new ArraySegment<byte>(_bytes, start, _ends[index] - start);
    }

    /// <summary>The sequence number of the first event stamped at the time or after it; there must be one.</summary>
    public long FirstAtOrAfter(long time)
    {
        var index = _times.FindIndex(t => t >= time);
        return first + index;
    }
}

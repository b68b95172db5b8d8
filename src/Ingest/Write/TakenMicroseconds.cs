using System.Numerics;
using Ingest.Events;

namespace Ingest.Write;

/// <summary>Which microseconds of their milliseconds the rows of a flush's keys take: lists in one buffer, which is used again.</summary>
internal sealed class TakenMicroseconds
{
    private (short Microsecond, int Next)[] _places = [];
    private int _count;

    public void Clear() => _count = 0;

    /// <summary>Adds one to a key's list.</summary>
    /// <param name="first">Where the list begins; -1 for an empty one.</param>
    /// <param name="microsecond">What is taken.</param>
    /// <returns>Where it begins now.</returns>
    public int Add(int first, int microsecond)
    {
        if (_count == _places.Length)
        {
            Array.Resize(ref _places, Math.Max(1_024, _places.Length * 2));
        }

        _places[_count] = ((short)microsecond, first);
        return _count++;
    }

    /// <summary>The first microsecond that a key's list has not; <see cref="Instant.PerMillisecond"/> where it has all.</summary>
    public int FirstFree(int first)
    {
        if (first < 0)
        {
            return 0;
        }

        Span<ulong> taken = stackalloc ulong[16];
        taken.Clear();
        for (var place = first; place >= 0; place = _places[place].Next)
        {
            var microsecond = _places[place].Microsecond;
            taken[microsecond >> 6] |= 1UL << (microsecond & 63);
        }

        for (var word = 0; word < taken.Length; word++)
        {
            if (taken[word] != ulong.MaxValue)
            {
                return Math.Min((word << 6) + BitOperations.TrailingZeroCount(~taken[word]), Instant.PerMillisecond);
            }
        }

        return Instant.PerMillisecond;
    }
}

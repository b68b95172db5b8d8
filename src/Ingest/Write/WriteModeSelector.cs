namespace Ingest.Write;

/// <summary>How a flush finds out what is already stored.</summary>
internal enum WriteMode
{
    /// <summary>Writes as if every row were new; the unique index says if not.</summary>
    Optimistic,

    /// <summary>Reads what is stored at its stamps first.</summary>
    Compared,
}

/// <summary>
/// How a flush is written first: optimistic while rows are new, compared for some flushes after a conflict. A conflict soon after the last
/// one doubles that number; flushes without stored readings count it down.
/// </summary>
/// <param name="expectDuplicates">Always compare: a replay.</param>
internal sealed class WriteModeSelector(bool expectDuplicates)
{
    public const int ShortestWhile = 4;
    public const int LongestWhile = 256;

    private int _while = ShortestWhile;
    private int _remaining;
    private int _optimisticInARow;

    public WriteMode Next => expectDuplicates || _remaining > 0 ? WriteMode.Compared : WriteMode.Optimistic;

    /// <summary>An optimistic flush met the unique index, and was rolled back.</summary>
    public void Conflicted()
    {
        _while = _optimisticInARow > _while ? ShortestWhile : Math.Min(LongestWhile, _while * 2);
        _remaining = _while;
        _optimisticInARow = 0;
    }

    /// <summary>A flush has committed.</summary>
    /// <param name="mode">How it was written.</param>
    /// <param name="known">Readings of it whose key was already stored.</param>
    public void Committed(WriteMode mode, int known)
    {
        if (mode == WriteMode.Optimistic)
        {
            _optimisticInARow++;
        }
        else if (known > 0)
        {
            _remaining = _while;
        }
        else if (_remaining > 0)
        {
            _remaining--;
        }
    }
}

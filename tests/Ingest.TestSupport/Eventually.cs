using System.Runtime.CompilerServices;

namespace Ingest.TestSupport;

/// <summary>Waits for conditions: patiently, but not for ever, and it says what did not come to pass.</summary>
public static class Eventually
{
    /// <summary>How long a condition may take: two minutes, as a machine of builds may be busy.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

    /// <exception cref="TimeoutException">It did not come true.</exception>
    public static Task IsTrueAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        IsTrueAsync(() => Task.FromResult(condition()), what);

    /// <exception cref="TimeoutException">It did not come true.</exception>
    public static async Task IsTrueAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        ArgumentNullException.ThrowIfNull(condition);
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(LookAgain);
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > Patience)
            {
                throw new TimeoutException($"In {Patience.TotalSeconds} s it did not come to pass: {what}");
            }

            await timer.WaitForNextTickAsync();
        }
    }
}

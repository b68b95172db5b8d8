using Ingest.Cli.Terminal;
using Spectre.Console;

namespace Ingest.Cli.Up;

/// <summary>Shows a run while it lasts: a view that redraws itself on a terminal, a line now and then elsewhere.</summary>
internal sealed class UpScreen(Output output, UpMeasure measure)
{
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(2);

    public Task ShowAsync(TimeProvider clock, CancellationToken stop) => output.Live
        ? output.Console.Live(UpView.Draw(measure.Now())).StartAsync(view => EveryAsync(
            Redraw,
            moment =>
            {
                view.UpdateTarget(UpView.Draw(moment));
                view.Refresh();
            },
            clock,
            stop))
        : EveryAsync(LineEvery, moment => output.Line(UpView.Line(moment)), clock, stop);

    private async Task EveryAsync(TimeSpan pause, Action<UpMoment> show, TimeProvider clock, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(pause, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                show(measure.Now());
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            show(measure.Now());
        }
    }
}

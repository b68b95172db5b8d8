using Ingest.Worker.Hosting;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Ingest.Cli.Terminal;

/// <summary>
/// Stands before the terminal: whatever text a table or view holds goes through <see cref="SafeText"/>. What moves the cursor is the
/// console's own and passes.
/// </summary>
internal sealed class SafeSegments : IRenderHook
{
    public IEnumerable<IRenderable> Process(RenderOptions options, IEnumerable<IRenderable> renderables) =>
        renderables.Select(renderable => new Harmless(renderable));

    private sealed class Harmless(IRenderable inner) : IRenderable
    {
        public Measurement Measure(RenderOptions options, int maxWidth) => inner.Measure(options, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => inner.Render(options, maxWidth).Select(
            segment => segment.IsControlCode || segment.IsLineBreak ? segment : new Segment(SafeText.Line(segment.Text), segment.Style));
    }
}

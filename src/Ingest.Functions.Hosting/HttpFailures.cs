using Azure.Identity;
using Ingest.Functions.Hosting.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Ingest.Functions.Hosting;

/// <summary>
/// Answers the caller of a function over HTTP that fails, whatever it throws: 503 where asking again may help, else 500, as problem details
/// (RFC 9457). Without it the worker's own server answers 200 with no body. What was thrown is logged; the caller is told nothing of it.
/// </summary>
/// <param name="logger">Gets what was thrown.</param>
public sealed class HttpFailures(ILogger<HttpFailures> logger) : IFunctionsWorkerMiddleware, IStartupFilter
{
    private const string InvocationHeader = "x-ms-invocation-id";
    private const int RetryAfterSeconds = 5;

    /// <summary>
    /// Around the function itself, its making and its arguments, and around the writing of its answer: one middleware further out the
    /// request has already been answered.
    /// </summary>
    public async Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(next);
        if (context.GetHttpContext() is not { } http)
        {
            await next(context);
            return;
        }

        try
        {
            await next(context);
            if (context.GetInvocationResult().Value is IResult answer)
            {
                await answer.ExecuteAsync(http);
            }
        }
        catch (Exception exception)
        {
            await AnswerAsync(http, exception, context.FunctionDefinition.Name, context.InvocationId, context.CancellationToken);
        }

        context.GetInvocationResult().Value = Results.Empty;
    }

    /// <summary>Around the server's part: a request whose function was cancelled before it began, or never came.</summary>
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(async (http, following) =>
        {
            try
            {
                await following(http);
            }
            catch (Exception exception)
            {
                var invocation = http.Request.Headers[InvocationHeader].ToString();
                await AnswerAsync(http, exception, http.Request.Path, invocation, http.RequestAborted);
            }
        });
        next(app);
    };

    private async Task AnswerAsync(HttpContext http, Exception exception, string what, string invocation, CancellationToken cancelled)
    {
        var mayPass = cancelled.IsCancellationRequested || MayPass(exception);
        if (mayPass)
        {
            HostingLog.CallUnavailable(logger, what, invocation, cancelled.IsCancellationRequested ? "it was cancelled" : Line(exception));
        }
        else
        {
            HostingLog.CallFailed(logger, what, invocation, exception);
        }

        if (http.Response.HasStarted)
        {
            // Half an answer must not look like a whole one.
            http.Abort();
            return;
        }

        http.Response.Clear();
        if (mayPass)
        {
            http.Response.Headers.RetryAfter = $"{RetryAfterSeconds}";
        }

        http.Response.Headers.CacheControl = "no-store";
        await Results.Problem(
            statusCode: mayPass ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status500InternalServerError,
            title: mayPass ? "The app cannot answer now" : "The app failed",
            detail: mayPass ? "Ask again after the time in Retry-After." : "The app's log says why, under this invocation's id.",
            extensions: new Dictionary<string, object?> { ["invocationId"] = invocation }).ExecuteAsync(http);
    }

    private static bool MayPass(Exception exception) =>
        exception is AuthenticationFailedException or NpgsqlException or TimeoutException or OperationCanceledException
        || (exception.InnerException is { } inner && MayPass(inner));

    private static string Line(Exception exception) => exception.Message.Split('\r', '\n')[0];
}

/// <summary>Adds <see cref="HttpFailures"/>.</summary>
public static class HttpFailuresRegistration
{
    /// <summary>
    /// Answers for functions over HTTP that fail. To be called after <c>ConfigureFunctionsWebApplication</c>, whose middleware gives a
    /// function its request.
    /// </summary>
    public static IFunctionsWorkerApplicationBuilder UseHttpFailures(this IFunctionsWorkerApplicationBuilder worker)
    {
        ArgumentNullException.ThrowIfNull(worker);
        worker.Services.AddSingleton<HttpFailures>();
        worker.Services.AddSingleton<IStartupFilter>(services => services.GetRequiredService<HttpFailures>());
        return worker.UseMiddleware<HttpFailures>();
    }
}

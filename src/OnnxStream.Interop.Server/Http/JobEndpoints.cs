using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Http;

/// <summary>The server's own API: jobs, their places in the queue, events and results.</summary>
internal sealed class JobEndpoints(JobQueue queue)
{
    /// <summary>Adds the endpoints.</summary>
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/jobs", SubmitAsync).Described("Takes a job.", request: JobJson.Default.JobRequest, response: HttpJson.Default.JobView);
        routes.MapGet("/jobs", ListAsync).Described("The client's jobs.", response: HttpJson.Default.JobList);
        routes.MapGet("/jobs/{id}", ShowAsync).Described("A job.", response: HttpJson.Default.JobView);
        routes.MapDelete("/jobs/{id}", CancelAsync).Described("Cancels a job, or forgets one that ended.");
        routes.MapGet("/jobs/{id}/events", StreamAsync).Described("What happens to a job, as server-sent events.");
        routes.MapGet("/jobs/{id}/result", context => ResultAsync(context, 0)).Described("The first file of a job's result.");
        routes.MapGet("/jobs/{id}/result/{part:int}", context => ResultAsync(context, int.Parse((string)context.Request.RouteValues["part"]!, CultureInfo.InvariantCulture))).Described("A file of a job's result.");
    }

    private async Task SubmitAsync(HttpContext context)
    {
        JobRequest request = await JsonBody.ReadAsync(context, JobJson.Default.JobRequest);
        string owner = context.Owner();

        // Planning takes processor time.
        Job job = await Task.Run(() => queue.Submit(request, owner), context.RequestAborted);
        context.Response.Headers.Location = $"/jobs/{job.Id}";
        await JsonBody.WriteAsync(context, JobView.Of(job), HttpJson.Default.JobView, StatusCodes.Status202Accepted);
    }

    private Task ListAsync(HttpContext context) =>
        JsonBody.WriteAsync(context, new JobList([.. queue.List(context.Owner()).Select(JobView.Of)]), HttpJson.Default.JobList);

    private Task ShowAsync(HttpContext context) => JsonBody.WriteAsync(context, JobView.Of(Find(context)), HttpJson.Default.JobView);

    private Task CancelAsync(HttpContext context)
    {
        queue.Cancel(Find(context));
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private async Task StreamAsync(HttpContext context)
    {
        Job job = Find(context);
        int first = int.TryParse(context.Request.Headers["Last-Event-ID"], NumberStyles.None, CultureInfo.InvariantCulture, out int last) && last < int.MaxValue ? last + 1 : 0;
        EventStream stream = await EventStream.BeginAsync(context);
        IAsyncEnumerator<(int Number, JobEvent Event)> events = job.ReadEventsAsync(first, context.RequestAborted).GetAsyncEnumerator(context.RequestAborted);
        await using (events)
        {
            while (await stream.WaitAsync(events.MoveNextAsync().AsTask()))
            {
                (int number, JobEvent item) = events.Current;
                await stream.SendAsync(JsonSerializer.SerializeToUtf8Bytes(item, JobJson.Default.JobEvent), JsonNamingPolicy.SnakeCaseLower.ConvertName(item.Type.ToString()), number);
            }
        }
    }

    private async Task ResultAsync(HttpContext context, int index)
    {
        Job job = Find(context);
        if (job.Result is not { } result)
        {
            throw job.LastEvent?.Error is { } error
                ? ErrorResponse.Of(error)
                : new ApiException(StatusCodes.Status409Conflict, "not_finished", $"The job is {JsonNamingPolicy.SnakeCaseLower.ConvertName(job.State.ToString())}; it has no result.");
        }

        if (index >= result.Parts.Count)
        {
            throw new ApiException(StatusCodes.Status404NotFound, "no_such_part", $"The result has {result.Parts.Count} files, from 0 on; there is no {index}.");
        }

        JobPart part = result.Parts[index];
        context.Response.ContentType = part.ContentType;
        context.Response.ContentLength = part.Content.Length;
        context.Response.Headers.CacheControl = "private, max-age=3600, immutable";
        await context.Response.Body.WriteAsync(part.Content, context.RequestAborted);
    }

    private Job Find(HttpContext context) => queue.Find((string)context.Request.RouteValues["id"]!, context.Owner()) ??
        throw new ApiException(StatusCodes.Status404NotFound, "job_not_found", "There is no such job, or it ended so long ago that it was forgotten.");
}

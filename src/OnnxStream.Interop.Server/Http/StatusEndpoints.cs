using System.Diagnostics;
using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Server.Http;

/// <summary>What there is and what it does: models, memory, queue.</summary>
internal sealed class StatusEndpoints(IServedModels shelf, JobQueue queue, ModelServerOptions options)
{
    private static readonly string s_version = typeof(StatusEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    private readonly long _started = Stopwatch.GetTimestamp();

    /// <summary>Adds the endpoints.</summary>
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/models", ListModelsAsync).Described("The models.", response: HttpJson.Default.ModelList);
        routes.MapGet("/v1/models/{id}", ShowModelAsync).Described("A model.", response: HttpJson.Default.ModelView);
        routes.MapGet("/status", ShowStatusAsync).Described("Memory, queue and models.", response: HttpJson.Default.StatusView);
    }

    private Task ListModelsAsync(HttpContext context) => JsonBody.WriteAsync(context, new ModelList("list", [.. shelf.Models.Select(ModelView.Of)]), HttpJson.Default.ModelList);

    private Task ShowModelAsync(HttpContext context)
    {
        string id = (string)context.Request.RouteValues["id"]!;
        ModelStatus model = shelf.Models.FirstOrDefault(model => model.Name == id) ?? throw new ApiException(StatusCodes.Status404NotFound, "model_not_found", "There is no model of this name. /v1/models lists them.", "model");
        return JsonBody.WriteAsync(context, ModelView.Of(model), HttpJson.Default.ModelView);
    }

    private Task ShowStatusAsync(HttpContext context)
    {
        StatusView status = new(
            s_version,
            Math.Round(Stopwatch.GetElapsedTime(_started).TotalSeconds, 1),
            new MemoryView(options.MemoryLimit, shelf.Budget, shelf.TakenBytes, Environment.WorkingSet),
            new QueueView(queue.WaitingCount, queue.RunningCount, options.Queue.MostWaiting, options.Queue.MostRunning, queue.IsClosed),
            [.. shelf.Models.Select(model => new ModelMemoryView(model.Name, model.IsOpen, model.JobCount, model.OpenBytes, model.JobBytes))],
            [.. shelf.Workers.Select(worker => new WorkerView(worker.Name, worker.Slots, worker.Running, worker.Budget, [.. worker.Models.Select(model => model.Name)]))]);
        return JsonBody.WriteAsync(context, status, HttpJson.Default.StatusView);
    }
}

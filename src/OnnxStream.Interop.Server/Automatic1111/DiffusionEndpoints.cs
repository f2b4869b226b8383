using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Server.Http;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Server.Automatic1111;

/// <summary>The part of AUTOMATIC1111's API that bots and chat windows use.</summary>
internal sealed class DiffusionEndpoints(JobRunner runner, IServedModels shelf)
{
    private const string ModelSetting = "sd_model_checkpoint";

    // What each owner chose; one that is not there has the first model.
    private readonly ConcurrentDictionary<string, string> _chosen = new(StringComparer.Ordinal);

    /// <summary>Adds the endpoints.</summary>
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/sdapi/v1/txt2img", context => DrawAsync(context, beginsWithImage: false)).Described("Pictures from a text.", request: Automatic1111Json.Default.DiffusionRequest, response: Automatic1111Json.Default.DiffusionAnswer);
        routes.MapPost("/sdapi/v1/img2img", context => DrawAsync(context, beginsWithImage: true)).Described("Pictures from a picture.", request: Automatic1111Json.Default.DiffusionRequest, response: Automatic1111Json.Default.DiffusionAnswer);
        routes.MapGet("/sdapi/v1/progress", ProgressAsync).Described("How far the client's pictures are.", response: Automatic1111Json.Default.ProgressAnswer);
        routes.MapPost("/sdapi/v1/interrupt", InterruptAsync).Described("Cancels the client's pictures.");
        routes.MapGet("/sdapi/v1/samplers", context => JsonBody.WriteAsync(context, [.. SchedulerTypes.Names.Select(name => new SamplerView(name, [name.ToLowerInvariant()], new Dictionary<string, string>()))], Automatic1111Json.Default.IReadOnlyListSamplerView))
            .Described("The samplers.", response: Automatic1111Json.Default.IReadOnlyListSamplerView);
        routes.MapGet("/sdapi/v1/schedulers", context => JsonBody.WriteAsync(context, [.. SigmaSchedules.Names.Select(name => new SchedulerView(name.ToLowerInvariant().Replace(' ', '_'), name, [], -1, false))], Automatic1111Json.Default.IReadOnlyListSchedulerView))
            .Described("The schedules of noise levels.", response: Automatic1111Json.Default.IReadOnlyListSchedulerView);
        routes.MapGet("/sdapi/v1/sd-models", context => JsonBody.WriteAsync(context, [.. Names().Select(name => new CheckpointView(name, name, name))], Automatic1111Json.Default.IReadOnlyListCheckpointView))
            .Described("The models that make pictures.", response: Automatic1111Json.Default.IReadOnlyListCheckpointView);
        routes.MapGet("/sdapi/v1/options", context => JsonBody.WriteAsync(context, new OptionsView(Chosen(context) ?? Names().FirstOrDefault()), Automatic1111Json.Default.OptionsView))
            .Described("The model of requests that name none.", response: Automatic1111Json.Default.OptionsView);
        routes.MapPost("/sdapi/v1/options", ChooseAsync).Described("Chooses the model of requests that name none.", request: Automatic1111Json.Default.OptionsView);
    }

    private IEnumerable<string> Names() => shelf.Models.Where(model => model.Kinds.Contains(JobKind.Image)).Select(model => model.Name);

    private string? Chosen(HttpContext context) => _chosen.GetValueOrDefault(context.Owner());

    private async Task DrawAsync(HttpContext context, bool beginsWithImage)
    {
        DiffusionRequest body = await JsonBody.ReadAsync(context, Automatic1111Json.Default.DiffusionRequest);
        byte[]? image = null;
        if (beginsWithImage)
        {
            image = body.InitImages is [{ } only] ? Decode(only, "init_images") : throw Wrong("init_images", "\"init_images\" should have one picture.");
        }

        if (body.InpaintingMaskInvert is > 0)
        {
            throw Wrong("inpainting_mask_invert", "White parts of a mask are drawn anew; it cannot be inverted.");
        }

        // 512x512 is what this API takes where nothing is said; here it is what suits the model.
        string? schedule = body.Scheduler is null || body.Scheduler.Equals("Automatic", StringComparison.OrdinalIgnoreCase) ? null : body.Scheduler;
        string? sampler = body.SamplerName ?? body.SamplerIndex;
        JobResult result = await runner.RunAsync(context, new JobRequest
        {
            Kind = JobKind.Image,
            Model = ReadModel(body.OverrideSettings) ?? Chosen(context),
            Image = new ImageParameters
            {
                Prompt = body.Prompt ?? "",
                NegativePrompt = body.NegativePrompt,
                Count = Math.Max(1, body.BatchSize ?? 1) * (long)Math.Max(1, body.NIter ?? 1) is var count and <= int.MaxValue ? (int)count : int.MaxValue,
                Width = body.Width,
                Height = body.Height,
                Steps = body.Steps,
                GuidanceScale = body.CfgScale,
                Sampler = string.IsNullOrEmpty(sampler) ? null : sampler,
                Schedule = string.IsNullOrEmpty(schedule) || string.IsNullOrEmpty(sampler) ? null : schedule,
                Seed = body.Seed is null or < 0 ? null : body.Seed,
                Image = image,
                Mask = image is null || body.Mask is null ? null : Decode(body.Mask, "mask"),
                MaskBlur = body.MaskBlur,
                Strength = image is null ? null : body.DenoisingStrength,
                PreviewInterval = 1,
            },
        });
        JobPart first = result.Parts[0];
        DiffusionInfo info = new(
            body.Prompt ?? "",
            body.NegativePrompt ?? "",
            first.Seed ?? 0,
            [.. result.Parts.Select(part => part.Seed ?? 0)],
            first.Width ?? 0,
            first.Height ?? 0,
            ReadModel(body.OverrideSettings) ?? Chosen(context) ?? Names().First(),
            [.. result.Parts.Select(part => part.Parameters ?? "")]);
        DiffusionAnswer answer = new([.. result.Parts.Select(part => part.Content)], body with { InitImages = null, Mask = null }, JsonSerializer.Serialize(info, Automatic1111Json.Default.DiffusionInfo));
        await JsonBody.WriteAsync(context, answer, Automatic1111Json.Default.DiffusionAnswer);
    }

    private async Task ProgressAsync(HttpContext context)
    {
        Job[] jobs = [.. runner.Queue.List(context.Owner()).Where(job => job.Request.Kind == JobKind.Image && job.State is JobState.Running or JobState.Queued)];
        Job? running = jobs.FirstOrDefault(job => job.State == JobState.Running);
        JobEvent? last = running?.LastProgress;
        double done = last is { Step: { } step, Steps: { } steps and > 0 } ? last.Stage switch { "denoising" => 0.95 * step / steps, "decoding" => 0.95, _ => 0 } : 0;
        double seconds = running is null ? 0 : (DateTimeOffset.UtcNow - running.Created).TotalSeconds;
        bool isDenoising = last?.Stage == "denoising";
        ProgressState state = new(
            false, false, running?.Id ?? "", jobs.Length, running?.Created.ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture) ?? "0", 0, isDenoising ? last!.Step ?? 0 : 0, isDenoising ? last!.Steps ?? 0 : 0);
        ProgressAnswer answer = new(Math.Round(done, 3), done > 0 ? Math.Round(seconds * (1 - done) / done, 1) : 0, state) { CurrentImage = running?.LastPreview };
        await JsonBody.WriteAsync(context, answer, Automatic1111Json.Default.ProgressAnswer);
    }

    private Task InterruptAsync(HttpContext context)
    {
        foreach (Job job in runner.Queue.List(context.Owner()).Where(job => job.Request.Kind == JobKind.Image && job.State is JobState.Running or JobState.Queued))
        {
            runner.Queue.Cancel(job);
        }

        return WriteEmptyAsync(context);
    }

    private async Task ChooseAsync(HttpContext context)
    {
        OptionsView body = await JsonBody.ReadAsync(context, Automatic1111Json.Default.OptionsView);
        if (body.SdModelCheckpoint is { } name)
        {
            _chosen[context.Owner()] = Names().Contains(name) ? name : throw new ApiException(StatusCodes.Status404NotFound, "model_not_found", "There is no model of this name that makes pictures; /sdapi/v1/sd-models lists them.", ModelSetting);
        }

        await WriteEmptyAsync(context);
    }

    private static Task WriteEmptyAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        return context.Response.WriteAsync("{}", context.RequestAborted);
    }

    private static string? ReadModel(JsonElement? settings) =>
        settings is { ValueKind: JsonValueKind.Object } values && values.TryGetProperty(ModelSetting, out JsonElement name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;

    // Alone, or as the address of data (data:image/png;base64,…).
    private static byte[] Decode(string text, string param)
    {
        int comma = text.StartsWith("data:", StringComparison.Ordinal) ? text.IndexOf(',', StringComparison.Ordinal) : -1;
        try
        {
            return Convert.FromBase64String(text[(comma + 1)..]);
        }
        catch (FormatException)
        {
            throw Wrong(param, $"The picture in \"{param}\" should be a file in base 64.");
        }
    }

    private static ApiException Wrong(string param, string message) => new(StatusCodes.Status422UnprocessableEntity, "invalid_request", message, param);
}

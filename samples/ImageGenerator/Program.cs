// Draws pictures through Microsoft.Extensions.AI: dotnet run --project samples/ImageGenerator -- "a red circle" [MODEL FOLDER]
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using OnnxStream.Interop;
using OnnxStream.Interop.Diffusion;
using OnnxStream.Interop.Diffusion.Hosting;
using OnnxStream.Interop.Diffusion.Schedulers;

string prompt = args.Length > 0 ? args[0] : "a red circle above a blue square";
string folder = args.Length > 1 ? args[1] : Path.Combine(AppContext.BaseDirectory, "tiny-shapes");

ServiceCollection services = new();
services.AddStableDiffusion(folder)
    .UseSessionOptions((_, _) => new SessionOptions { KeptPanelBytes = 0 })
    .UseDefaults(new GenerationOptions { Prompt = "", Scheduler = SchedulerOptions.Parse("DPM++ 2M Karras"), Steps = 15 });
await using ServiceProvider provider = services.BuildServiceProvider();

// A program knows the interface alone.
IImageGenerator generator = provider.GetRequiredService<IImageGenerator>();
ImageGenerationResponse response = await generator.GenerateImagesAsync(prompt, new ImageGenerationOptions
{
    Count = 2,
    AdditionalProperties = new AdditionalPropertiesDictionary
    {
        ["seed"] = 42L,
        ["progress"] = new Progress<PipelineProgress>(progress => Console.Error.Write($"\r{progress.Stage} {progress.Step} of {progress.StepCount}    ")),
    },
});
await Console.Error.WriteLineAsync();
foreach (DataContent picture in response.Contents.OfType<DataContent>())
{
    await File.WriteAllBytesAsync(picture.Name!, picture.Data);
    await Console.Out.WriteLineAsync($"{picture.Name}: {picture.Data.Length:N0} bytes");
}

await Console.Out.WriteLineAsync($"{response.Usage?.InputTokenCount} tokens, {response.Usage?.AdditionalCounts?["model_runs"]} runs of models");

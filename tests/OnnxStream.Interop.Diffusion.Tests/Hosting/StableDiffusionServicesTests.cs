using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using OnnxStream.Interop.Diffusion.Hosting;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests.Hosting;

public class StableDiffusionServicesTests
{
    [Test]
    public async Task AddStableDiffusion_AddsOnePipelineAndOneGenerator()
    {
        List<PipelineStage> stages = [];
        ServiceCollection services = new();
        _ = services.AddStableDiffusion(TinyShapesModel.Folder)
            .UseDefaults(new GenerationOptions { Prompt = "", Steps = 1, Seed = 4 })
            .UseSessionOptions((_, stage) =>
            {
                stages.Add(stage);
                return new SessionOptions { ThreadCount = 1 };
            });
        _ = services.AddKeyedStableDiffusion("other", TinyShapesModel.Folder);
        await using ServiceProvider provider = services.BuildServiceProvider();
        IImageGenerator generator = provider.GetRequiredService<IImageGenerator>();
        ImageGenerationResponse response = await generator.GenerateImagesAsync("a red circle");
        Assert.Multiple(() =>
        {
            Assert.That(provider.GetRequiredService<IImageGenerator>(), Is.SameAs(generator));
            Assert.That(generator.GetService<StableDiffusionPipeline>(), Is.SameAs(provider.GetRequiredService<StableDiffusionPipeline>()));
            Assert.That(provider.GetRequiredKeyedService<IImageGenerator>("other").GetService<StableDiffusionPipeline>(), Is.Not.SameAs(provider.GetRequiredService<StableDiffusionPipeline>()));
            Assert.That(((GeneratedImage)response.Contents.Single().RawRepresentation!).Seed, Is.EqualTo(4));
            Assert.That(stages, Is.EqualTo(new[] { PipelineStage.TextEncoding, PipelineStage.Denoising, PipelineStage.Decoding }));
        });
    }
}

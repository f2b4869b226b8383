using System.Globalization;
using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>The names that modules have in the first checkpoints of Stable Diffusion (<c>input_blocks.1.1</c>), as those of diffusers, which exported models have (<c>down_blocks.0.attentions.0</c>).</summary>
/// <remarks>All names are in the form of <see cref="ModuleName"/>. The UNETs have two residual blocks at each size, the decoder of the VAE three: that of 1, 2 and SDXL.</remarks>
internal static partial class LegacyNames
{
    private const int UnetResiduals = 2;
    private const int VaeLevels = 4;

    /// <summary>The name of a module of the UNET; a name that is no old one stays as it is.</summary>
    public static string Unet(string name)
    {
        if (name == "input_blocks_0_0")
        {
            return "conv_in";
        }

        if (InputBlock().Match(name) is { Success: true } input)
        {
            int index = Number(input, 1), part = Number(input, 2);
            if (index == 0)
            {
                return name;
            }

            int level = (index - 1) / (UnetResiduals + 1), residual = (index - 1) % (UnetResiduals + 1);
            string rest = input.Groups[3].Value;
            return residual == UnetResiduals ? $"down_blocks_{level}_downsamplers_0_conv" : part == 0 ? $"down_blocks_{level}_resnets_{residual}_{Residual(rest)}" : $"down_blocks_{level}_attentions_{residual}_{rest}";
        }

        if (OutputBlock().Match(name) is { Success: true } output)
        {
            int level = Number(output, 1) / (UnetResiduals + 1), residual = Number(output, 1) % (UnetResiduals + 1);
            string rest = output.Groups[3].Value;
            return rest == "conv" ? $"up_blocks_{level}_upsamplers_0_conv" : Number(output, 2) == 0 ? $"up_blocks_{level}_resnets_{residual}_{Residual(rest)}" : $"up_blocks_{level}_attentions_{residual}_{rest}";
        }

        if (MiddleBlock().Match(name) is { Success: true } middle)
        {
            string rest = middle.Groups[2].Value;
            return Number(middle, 1) == 1 ? $"mid_block_attentions_0_{rest}" : $"mid_block_resnets_{Number(middle, 1) / 2}_{Residual(rest)}";
        }

        return name switch
        {
            "time_embed_0" => "time_embedding_linear_1",
            "time_embed_2" => "time_embedding_linear_2",
            "label_emb_0_0" => "add_embedding_linear_1",
            "label_emb_0_2" => "add_embedding_linear_2",
            "out_0" => "conv_norm_out",
            "out_2" => "conv_out",
            _ => name,
        };
    }

    /// <summary>The name of a module of the VAE; a name that is no old one stays as it is.</summary>
    public static string Vae(string name)
    {
        if (VaeBlock().Match(name) is { Success: true } block)
        {
            bool isUp = block.Groups[2].Value == "up";
            int level = isUp ? VaeLevels - 1 - Number(block, 3) : Number(block, 3);
            string rest = block.Groups[4].Value;
            string there = $"{block.Groups[1].Value}_{(isUp ? "up" : "down")}_blocks_{level}";
            return VaeResidual().Match(rest) is { Success: true } residual
                ? $"{there}_resnets_{Number(residual, 1)}_{residual.Groups[2].Value.Replace("nin_shortcut", "conv_shortcut", StringComparison.Ordinal)}"
                : $"{there}_{(isUp ? "upsamplers" : "downsamplers")}_0_conv";
        }

        if (VaeMiddle().Match(name) is { Success: true } middle)
        {
            string there = $"{middle.Groups[1].Value}_mid_block", rest = middle.Groups[3].Value;
            return middle.Groups[2].Value switch
            {
                "block_1" => $"{there}_resnets_0_{rest}",
                "block_2" => $"{there}_resnets_1_{rest}",
                _ => $"{there}_attentions_0_{rest switch { "norm" => "group_norm", "q" => "to_q", "k" => "to_k", "v" => "to_v", "proj_out" => "to_out_0", _ => rest }}",
            };
        }

        return name.EndsWith("coder_norm_out", StringComparison.Ordinal) ? name.Replace("norm_out", "conv_norm_out", StringComparison.Ordinal) : name;
    }

    private static string Residual(string part) => part switch
    {
        "in_layers_0" => "norm1",
        "in_layers_2" => "conv1",
        "emb_layers_1" => "time_emb_proj",
        "out_layers_0" => "norm2",
        "out_layers_3" => "conv2",
        "skip_connection" => "conv_shortcut",
        _ => part,
    };

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^input_blocks_(\d{1,3})_(\d)_(.+)$", RegexOptions.CultureInvariant)]
    private static partial Regex InputBlock();

    [GeneratedRegex(@"^output_blocks_(\d{1,3})_(\d)_(.+)$", RegexOptions.CultureInvariant)]
    private static partial Regex OutputBlock();

    [GeneratedRegex(@"^middle_block_(\d)_(.+)$", RegexOptions.CultureInvariant)]
    private static partial Regex MiddleBlock();

    [GeneratedRegex(@"^(encoder|decoder)_(up|down)_(\d)_(.+)$", RegexOptions.CultureInvariant)]
    private static partial Regex VaeBlock();

    [GeneratedRegex(@"^block_(\d)_(.+)$", RegexOptions.CultureInvariant)]
    private static partial Regex VaeResidual();

    [GeneratedRegex(@"^(encoder|decoder)_mid_(block_1|block_2|attn_1)_(.+)$", RegexOptions.CultureInvariant)]
    private static partial Regex VaeMiddle();
}

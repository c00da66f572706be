"""The AWSSDKPandas layer, which AWS publishes in each region: pandas, pyarrow and awswrangler for the functions."""

from importlib.metadata import version
from typing import Any

from infra.deployment.errors import DeploymentError
from infra.deployment.target import Target
from infra.local.layer import publish_layer

# https://aws-sdk-pandas.readthedocs.io/en/stable/install.html#managed-layer
_PARAMETER = "/aws/service/aws-sdk-pandas/{version}/py{python}/{architecture}/layer-arn"


def find_layer(target: Target, template: dict[str, Any]) -> str:
    """Give the ARN of the layer in the target's region, of the version that the tests ran with.

    On an emulator, which has none, the stand-in of `make up` is published. Raises DeploymentError when AWS has not
    published that version for the runtime and architecture of the functions.
    """
    if target.emulated:
        return publish_layer(target.client("lambda"))
    functions = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
    [runtime] = {function["Runtime"] for function in functions}
    [architecture] = {function.get("Architectures", ["x86_64"])[0] for function in functions}
    name = _PARAMETER.format(
        version=version("awswrangler"), python=runtime.removeprefix("python"), architecture=architecture
    )
    ssm = target.client("ssm")
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        raise DeploymentError(
            f"AWS publishes no layer under {name} in {target.region}. Choose one of "
            "https://aws-sdk-pandas.readthedocs.io/en/stable/layers.html, of that Python and architecture, and put its "
            "ARN into the stage file: [application] SdkPandasLayer."
        ) from None

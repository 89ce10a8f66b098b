package risk

import (
	"strings"
)

func infraRules() []entry[rule] {
	return []entry[rule]{{"gh", (*walker).gh}, {"curl http https xh", (*walker).cloudAPI}, {"aws", (*walker).awsPolicy}, {"aws", (*walker).remoteParameters}}
}

// infraPatterns are commands on machines, clusters and accounts elsewhere.
var infraPatterns = []pattern{
	{"terraform destroy", "", Critical, "infra-destroy", "terraform removes everything it manages"},
	{"terraform apply", "destroy", Critical, "infra-destroy", "terraform removes everything it manages"},
	{"terraform apply", "auto-approve", High, "infra-change", "terraform changes the infrastructure without asking"},
	{"terraform apply", "", Medium, "infra-change", "terraform changes the infrastructure"},
	{"terraform state rm|push|mv", "", High, "infra-change", "terraform forgets what it manages"},
	{"terraform taint|import|force-unlock", "", Medium, "infra-change", "terraform changes its state"},
	{"terragrunt destroy|destroy-all", "", Critical, "infra-destroy", "terragrunt removes everything it manages"},
	{"terragrunt run-all destroy", "", Critical, "infra-destroy", "terragrunt removes everything it manages"},
	{"pulumi destroy", "", Critical, "infra-destroy", "pulumi removes everything it manages"},
	{"pulumi up|stack", "", Medium, "infra-change", "pulumi changes the infrastructure"},
	{"cdk destroy", "", Critical, "infra-destroy", "cdk removes a stack"},
	{"cdk deploy", "", Medium, "infra-change", "cdk changes the infrastructure"},
	{"serverless|sls remove", "", High, "infra-destroy", "serverless removes a deployment"},
	{"vagrant destroy", "", High, "infra-destroy", "vagrant removes a machine"},
	{"virsh undefine|destroy|vol-delete|pool-delete", "", High, "infra-destroy", "virsh removes a machine"},
	{"kubectl delete ns|namespace|namespaces|pv|pvc|crd|node|nodes|persistentvolume|persistentvolumeclaim", "", Critical, "infra-destroy", "kubectl removes a namespace, a node or its data"},
	{"kubectl delete", "all", Critical, "infra-destroy", "kubectl removes everything of a kind"},
	{"kubectl delete", "", High, "infra-delete", "kubectl removes objects"},
	{"kubectl drain|cordon|taint", "", High, "infra-change", "kubectl takes a node out of use"},
	{"kubectl apply|create|patch|replace|scale|rollout|edit|label|annotate|set|run|expose|autoscale", "", Medium, "infra-change", "kubectl changes the cluster"},
	{"kubectl create clusterrolebinding|rolebinding|clusterrole", "", High, "infra-rights", "kubectl gives rights"},
	{"kubectl cp|port-forward|proxy", "", Medium, "infra-change", "kubectl reaches into the cluster"},
	{"helm uninstall|delete|del|un", "", High, "infra-delete", "helm removes a release"},
	{"helm install|upgrade|rollback", "", Medium, "infra-change", "helm changes the cluster"},
	{"kubeadm|k3s-uninstall.sh|microk8s reset", "", High, "infra-destroy", "takes a cluster apart"},
	{"eksctl|kops|kind|minikube|k3d delete", "", High, "infra-destroy", "removes a cluster"},
	{"kind|minikube delete", "", Medium, "infra-delete", "removes a local cluster"},
	{"argocd app delete", "", High, "infra-delete", "argocd removes an application"},
	{"aws s3 rb", "force", Critical, "cloud-destroy", "aws removes a bucket with all it holds"},
	{"aws s3 rb", "", High, "cloud-delete", "aws removes a bucket"},
	{"aws s3 rm", "recursive", High, "cloud-delete", "aws removes every object below a prefix"},
	{"aws s3 rm", "", Medium, "cloud-delete", "aws removes an object"},
	{"aws rds|dynamodb|cloudformation|eks|efs|kms|organizations delete-*|schedule-key-deletion|close-account", "", Critical, "cloud-destroy", "aws removes data or what holds it"},
	{"aws * delete-*|terminate-*|deregister-*|purge-*|stop-*|disable-*|detach-*|revoke-*|remove-*", "", High, "cloud-delete", "aws removes or stops a resource"},
	{"aws iam create-*|attach-*|put-*|add-*|update-*", "", High, "cloud-rights", "aws changes who may do what"},
	{"aws sts assume-role|get-session-token", "", High, "secret-read", "aws prints credentials"},
	{"aws cloudtrail stop-logging|delete-trail|update-trail", "", Critical, "log-tamper", "aws stops the account's audit trail"},
	{"aws * create-*|put-*|update-*|modify-*|run-*|start-*|authorize-*|attach-*", "", Medium, "cloud-change", "aws changes resources"},
	{"gcloud projects delete", "", Critical, "cloud-destroy", "gcloud removes a project"},
	{"gcloud * delete", "", High, "cloud-delete", "gcloud removes a resource"},
	{"gcloud * * delete|remove-iam-policy-binding", "", High, "cloud-delete", "gcloud removes a resource"},
	{"gcloud * * * delete", "", High, "cloud-delete", "gcloud removes a resource"},
	{"gcloud * add-iam-policy-binding|set-iam-policy", "", High, "cloud-rights", "gcloud changes who may do what"},
	{"gcloud * * add-iam-policy-binding|set-iam-policy", "", High, "cloud-rights", "gcloud changes who may do what"},
	{"gcloud storage rm", "r|recursive", High, "cloud-delete", "gcloud removes objects"},
	{"gcloud * * create|update|deploy|start|stop|reset", "", Medium, "cloud-change", "gcloud changes resources"},
	{"gcloud app|run|functions deploy", "", Medium, "cloud-change", "gcloud deploys"},
	{"gsutil rb", "", High, "cloud-delete", "gsutil removes a bucket"},
	{"gsutil rm", "r|R", High, "cloud-delete", "gsutil removes objects"},
	{"gsutil * rm", "", High, "cloud-delete", "gsutil removes objects"},
	{"gsutil iam|acl ch|set", "", High, "cloud-rights", "gsutil changes who may do what"},
	{"bq rm", "r|recursive|f|force", High, "cloud-delete", "bq removes data"},
	{"az group delete", "", Critical, "cloud-destroy", "az removes a group with all it holds"},
	{"az * delete|purge", "", High, "cloud-delete", "az removes a resource"},
	{"az * * delete|delete-batch|purge", "", High, "cloud-delete", "az removes a resource"},
	{"az role assignment create", "", High, "cloud-rights", "az changes who may do what"},
	{"az * create|update|start|stop|restart", "", Medium, "cloud-change", "az changes resources"},
	{"doctl * * delete|rm", "", High, "cloud-delete", "doctl removes a resource"},
	{"hcloud * delete", "", High, "cloud-delete", "hcloud removes a resource"},
	{"heroku apps:destroy|pg:reset|addons:destroy|destroy", "", Critical, "cloud-destroy", "heroku removes an application or its data"},
	{"heroku config:set|ps:scale|run|releases:rollback", "", Medium, "cloud-change", "heroku changes an application"},
	{"fly|flyctl apps|volumes|app destroy", "", Critical, "cloud-destroy", "fly removes an application or its data"},
	{"fly|flyctl destroy", "", Critical, "cloud-destroy", "fly removes an application"},
	{"fly|flyctl deploy", "", Medium, "cloud-change", "fly deploys"},
	{"vercel|netlify|railway|wrangler rm|remove|delete|down|sites:delete", "", High, "cloud-delete", "removes a deployment"},
	{"vercel|netlify|wrangler deploy|publish", "", Medium, "cloud-change", "deploys"},
	{"vercel", "prod", Medium, "cloud-change", "deploys"},
	{"firebase firestore:delete|projects:delete|database:remove", "", High, "cloud-delete", "firebase removes data"},
	{"s3cmd rb|del|rm", "r|recursive|f|force", High, "cloud-delete", "s3cmd removes objects"},
	{"mc rb|rm", "r|recursive|force", High, "cloud-delete", "mc removes objects"},
	{"consul kv delete", "", High, "cloud-delete", "consul removes keys"},
	{"vault delete|destroy|kv", "", Medium, "cloud-change", "vault changes secrets"},
	{"ansible-playbook|ansible|salt|puppet|chef-client", "", Medium, "infra-change", "changes other machines"},
	{"gh repo delete", "", Critical, "cloud-destroy", "gh removes a repository"},
	{"gh repo|release|secret|gist|issue|run|cache|variable|label delete|remove", "", High, "cloud-delete", "gh removes things others use"},
	{"gh repo edit|archive|rename", "", Medium, "cloud-change", "gh changes a repository"},
	{"gh pr|issue|release|gist merge|create|close|edit|comment|review|upload", "", Medium, "publish", "gh publishes"},
	{"gh secret|variable set", "", Medium, "cloud-change", "gh changes secrets"},
	{"gh workflow|run run|rerun|cancel", "", Medium, "cloud-change", "gh starts workflows"},
	{"glab repo|project delete", "", Critical, "cloud-destroy", "glab removes a repository"},
	{"docker system prune", "a|all|volumes", High, "container-delete", "docker removes every unused image or volume"},
	{"docker system|image|builder|container|network|buildx prune", "", Medium, "container-delete", "docker removes what is not used"},
	{"docker volume rm|remove|prune", "", High, "container-delete", "docker removes data volumes"},
	{"docker rm|rmi", "", Medium, "container-delete", "docker removes containers or images"},
	{"docker image|container|network|context rm|remove", "", Medium, "container-delete", "docker removes containers or images"},
	{"docker kill|stop|restart|pause", "", Medium, "service-stop", "docker stops containers"},
	{"docker push", "", Medium, "publish", "docker publishes an image"},
	{"docker pull|load|import", "", Medium, "network", "docker brings in an image"},
	{"docker swarm leave|init", "", High, "infra-change", "docker changes the swarm"},
	{"docker-compose down", "v|volumes|rmi", High, "container-delete", "removes data volumes"},
	{"docker compose down", "v|volumes|rmi", High, "container-delete", "docker removes data volumes"},
	{"docker compose up|down|stop|restart|rm|kill", "", Medium, "service-change", "docker changes what runs"},
	{"docker-compose up|down|stop|restart|rm|kill", "", Medium, "service-change", "docker changes what runs"},
}

const dockerRunValued = "v volume mount name e env env-file p publish network net w workdir u user entrypoint l label h hostname m memory cpus pid ipc uts userns " +
	"cap-add cap-drop device security-opt restart platform add-host dns tmpfs ulimit gpus log-driver log-opt shm-size c cgroup-parent annotation a attach pull volumes-from link expose runtime group-add"

// docker walks what runs inside a container and judges what the container
// may reach.
func (w *walker) docker(c *call) flow {
	rest := w.skipOptions(c.args, wrapper{valued: valueOptions.Get()["docker"]})
	if len(rest) == 0 {
		return unknownFlow
	}
	if rest[0].literal("container") && len(rest) > 1 && containsField("run create", rest[1].text) {
		rest = rest[1:]
	}
	if rest[0].literal("run") || rest[0].literal("create") {
		return w.dockerRun(c, rest[1:])
	}
	w.judge(c)
	return w.output(c)
}

func (w *walker) dockerRun(c *call, args []word) flow {
	inner := w.skipOptions(args, wrapper{valued: dockerRunValued})
	o := parseOptions(args[:len(args)-len(inner)], dockerRunValued)
	w.report(Medium, "container-run", "docker runs an image")
	if o.has("privileged") {
		w.report(High, "container-escape", "a container with every right on the machine")
	}
	for _, x := range o.all("pid", "network", "net", "ipc", "userns", "uts") {
		if x.literal("host") {
			level := Medium
			if o.has("pid") {
				level = High
			}
			w.report(level, "container-escape", "a container inside the machine's own namespaces")
		}
	}
	for _, x := range o.all("cap-add") {
		if containsField("ALL SYS_ADMIN SYS_PTRACE SYS_MODULE CAP_SYS_ADMIN NET_ADMIN DAC_READ_SEARCH", x.text) {
			w.report(High, "container-escape", "a container with the right "+x.text)
		}
	}
	for _, x := range o.all("v", "volume", "mount", "device") {
		w.dockerMount(x)
	}
	entry, _ := o.get("entrypoint")
	if len(inner) > 0 {
		command := inner[1:]
		if entry.text != "" {
			command = append([]word{entry}, command...)
		}
		w.inContainer(c, command)
	}
	return unknownFlow
}

// dockerMount judges what of the machine a container sees.
func (w *walker) dockerMount(x word) {
	source, _, _ := strings.Cut(x.text, ":")
	for field := range strings.SplitSeq(x.text, ",") {
		for _, key := range []string{"source=", "src="} {
			if v, ok := strings.CutPrefix(field, key); ok {
				source = v
			}
		}
	}
	p := w.resolve(word{text: source, lead: x.lead, open: x.open})
	switch {
	case p == "/":
		w.report(Critical, "container-escape", "a container with the machine's root directory")
	case strings.HasSuffix(p, "docker.sock") || strings.HasSuffix(p, "containerd.sock"):
		w.report(High, "container-escape", "a container that rules over all containers")
	case p == "/etc" || p == "/root" || p == "/home" || p == "/var" || p == "/usr" || p == "/boot" || p == "/proc" || p == "/sys" || within(p, "/dev") && p != "/dev/shm":
		w.report(High, "container-escape", "a container with the machine's "+p)
	case p == "~" || p == "~/.ssh" || p == "~/.aws" || p == "~/.kube":
		w.report(High, "secret-read", "a container with "+source)
	}
}

// inContainer walks a command whose files and input are not this machine's.
func (w *walker) inContainer(c *call, argv []word) {
	next := c.with(argv)
	cwd := w.cwd
	w.cwd = ""
	w.run(next)
	w.cwd = cwd
}

// ansible walks the shell text that is run on other machines, which is the argument of
// the modules that run one, and of none.
func (w *walker) ansible(c *call) flow {
	o := parseOptions(c.args, "a args m module-name i inventory l limit u user f forks e extra-vars become-user become-method c connection T timeout M module-path B P t tree")
	w.judge(c)
	module, _ := o.get("m", "module-name")
	_, name, ok := cutLast(module.text, ".")
	if !ok {
		name = module.text
	}
	for _, x := range o.all("a", "args") {
		switch {
		case containsField("command shell raw script win_shell win_command expect", name) || name == "":
			w.inShell(x, c)
		case name == "file" && strings.Contains(x.text, "state=absent"):
			for field := range strings.FieldsSeq(x.text) {
				if _, p, ok := strings.Cut(field, "="); ok && !strings.HasPrefix(field, "state") {
					w.inContainer(c, []word{literalWord("rm"), literalWord("-rf"), x.part(p)})
				}
			}
		}
	}
	return unknownFlow
}

// inShell walks shell text whose files and input are not this machine's.
func (w *walker) inShell(x word, c *call) {
	cwd := w.cwd
	w.cwd = ""
	w.shellWord(x, c.with(nil))
	w.cwd = cwd
}

// remoteParameters walks the commands that the cloud's own agent runs on its machines.
func (w *walker) remoteParameters(c *call) {
	o := parseOptions(c.args, valueOptions.Get()["aws"]+" parameters targets document-name target")
	if o.operand(0) != "ssm" || o.operand(1) != "send-command" && o.operand(1) != "start-session" {
		return
	}
	w.report(Medium, "remote-shell", "aws runs on another machine")
	for _, x := range o.all("parameters") {
		list := stringLiterals(x.text)
		for _, lit := range list {
			if !containsField("command commands workingDirectory executionTimeout", lit.text) {
				w.inShell(x.part(lit.text), c)
			}
		}
		if _, text, ok := strings.Cut(x.text, "="); ok && len(list) == 0 {
			w.inShell(x.part(strings.Trim(text, "[]")), c)
		}
	}
}

func (w *walker) kubectl(c *call) flow {
	rest := w.skipOptions(c.args, wrapper{valued: valueOptions.Get()["kubectl"]})
	w.judge(c)
	if len(rest) > 1 && rest[0].literal("get") && strings.HasPrefix(rest[1].text, "secret") {
		if o := parseOptions(c.args, valueOptions.Get()["kubectl"]); o.has("o", "output") {
			w.report(High, "secret-read", "kubectl prints secrets")
			return flow{some: true, secret: "cluster secrets"}
		}
	}
	return w.output(c)
}

func (w *walker) gh(c *call) {
	o := parseOptions(c.args, valueOptions.Get()["gh"])
	if o.operand(0) != "api" {
		return
	}
	method, _ := o.get("X", "method")
	switch {
	case strings.EqualFold(method.text, "DELETE"):
		w.report(High, "cloud-delete", "gh api removes something")
	case method.text != "" && !strings.EqualFold(method.text, "GET") || method.text == "" && o.has("f", "F", "field", "raw-field", "input"):
		w.report(Medium, "cloud-change", "gh api changes something")
	}
}

// cloudAPI judges requests by their method and where they go.
func (w *walker) cloudAPI(c *call) {
	for _, a := range c.args {
		if strings.Contains(a.text, "169.254.169.254") || strings.Contains(a.text, "metadata.google.internal") || strings.Contains(a.text, "169.254.170.2") {
			w.report(High, "secret-read", "asks the cloud for this machine's credentials")
			c.read = c.read.merge(flow{some: true, secret: "the machine's cloud credentials"})
		}
	}
	o := parseOptions(c.args, curlValued)
	if m, ok := o.get("X", "request"); ok && m.literal("DELETE") && !w.local(c) {
		w.report(High, "cloud-delete", c.name+" sends a DELETE request")
	}
}

func (w *walker) awsPolicy(c *call) {
	for _, a := range c.args {
		if strings.Contains(a.text, "public-read") || strings.Contains(a.text, "AdministratorAccess") {
			w.report(High, "cloud-rights", "aws opens what was closed: "+a.text)
		}
	}
}
